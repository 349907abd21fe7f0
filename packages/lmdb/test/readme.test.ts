import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import { afterAll, describe, expect, test } from '@jest/globals';
import * as lmdb from '@holdfast/lmdb';
import { newFolder, removeFolders } from './support/folders.js';

const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');
const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);

type Example = (log: (...values: unknown[]) => void, modules: Record<string, unknown>) => Promise<void>;

/** Runs an example in a folder of its own, and returns what it printed and what its comments say that it prints. */
async function run(code: string): Promise<{ printed: string[]; promised: string[] }> {
  const body = code
    .replace(/^import (\{.*\}) from '(.*)';$/gm, `const $1 = modules['$2'];`)
    .replaceAll('console.log', 'log')
    .replaceAll("'./data'", JSON.stringify(newFolder()));
  const printed: string[] = [];
  const example = compileFunction(`return (async () => {${body}})();`, ['log', 'modules']) as Example;
  await example((...values) => printed.push(values.join(' ')), { '@holdfast/lmdb': lmdb });
  return { printed, promised: [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text = '']) => text) };
}

afterAll(removeFolders);

describe('the README', () => {
  test.each(examples.map((code, i) => [i + 1, code] as const))('example %i prints what it says', async (_i, code) => {
    const { printed, promised } = await run(code);
    expect(printed).toEqual(promised);
    expect(promised.length).toBeGreaterThan(0);
  });

  test('names every option', () => {
    const source = readFileSync(join(__dirname, '../src/options.ts'), 'utf8');
    const own = [...source.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name = '']) => name);
    for (const option of [...own, 'path', 'timeoutMs', 'bufferBytes', 'logger'])
      expect(readme).toContain(`\`${option}\``);
    expect(own.length).toBeGreaterThan(10);
  });
});
