import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { syntaxErrors, typeErrors } from './support/check-samples.js';
import { DocumentedServers } from './support/documented-servers.js';
import { documentationSamples, samplesOf } from './support/markdown-sample.js';
import { expectedOutput, runSample } from './support/run-sample.js';

const samples = documentationSamples();
const checked = samples.filter(({ mode }) => mode !== 'fragment');
const run = samples.filter(({ mode }) => mode === 'run');
const fragments = samples.filter(({ mode }) => mode === 'fragment');
const wrong = samplesOf("```ts\nconst n: number = 'text';\n```", 'wrong.md');

// One program for all of them: it takes seconds.
let errors: readonly string[];
beforeAll(() => {
  errors = typeErrors([...checked, ...wrong]);
});

describe("the documentation's samples", () => {
  const servers = new DocumentedServers();
  const checkout = process.cwd();
  /** Where samples run, since some keep their data in `./data`. */
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'samples-'));
    process.chdir(folder);
  });
  afterAll(async () => {
    await servers.close();
    process.chdir(checkout);
    rmSync(folder, { recursive: true });
  });

  test('are there', () => {
    expect(run.filter(({ where }) => where.startsWith('README.md'))).not.toEqual([]);
    expect(run.filter(({ where }) => where.startsWith('docs/getting-started.md'))).not.toEqual([]);
    expect(run.filter(({ where }) => where.startsWith('docs/connections.md'))).not.toEqual([]);
  });

  test('are type-correct', () => {
    expect(errors.filter((error) => !error.startsWith('wrong.md'))).toEqual([]);
  });

  test('and its fragments are TypeScript', () => {
    expect(fragments.flatMap(syntaxErrors)).toEqual([]);
  });

  test.each(run.map(({ where, code }) => [where, code]))('%s runs, and prints what it says', async (_where, code) => {
    const prepared = await servers.prepare(code);
    const printed = await runSample(prepared);
    expect(printed).toEqual(expectedOutput(prepared) ?? printed);
  });
});

describe('a sample that is wrong would be found:', () => {
  test('by its types', () => {
    expect(errors.filter((error) => error.startsWith('wrong.md'))).toEqual([
      expect.stringContaining('wrong.md:1: Type'),
    ]);
  });

  test('by what it prints', async () => {
    const code = "import { toRevision } from '@holdfast/store';\nconsole.log(toRevision(1)); // 2";
    expect(await runSample(code)).toEqual(['1']);
    expect(expectedOutput(code)).toEqual(['2']);
  });

  test('by what it throws', async () => {
    await expect(runSample("throw new Error('wrong')")).rejects.toThrow('wrong');
  });

  test('by a misspelt fence', () => {
    expect(() => samplesOf('```typescript\n```', 'page.md')).toThrow('page.md:1');
    expect(() => samplesOf('```ts norun\n```', 'page.md')).toThrow('page.md:1');
  });

  test('by a recipe that names no file, which nothing would run', () => {
    expect(() => samplesOf("```js\ntest('it works');\n```", 'page.md')).toThrow('page.md:1');
    expect(samplesOf("```js\n// a.test.mjs\ntest('it works');\n```", 'page.md')).toEqual([]);
  });
});
