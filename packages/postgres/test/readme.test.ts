import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as core from '@holdfast/core';
import * as postgres from '@holdfast/postgres';
import { openStore } from '@holdfast/store';
import { startPostgres, type Postgres } from '@holdfast/testkit';

const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');
// They need a PostgreSQL, so that the test of all pages only checks their types.
const examples = [...readme.matchAll(/```ts no-run\n(.*?)```/gs)].map(([, code = '']) => code);

type Example = (log: (...values: unknown[]) => void, modules: Record<string, unknown>) => Promise<void>;

let server: Postgres;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(() => server.close());

/** Runs an example on a server of the test's, and returns what it printed and what its comments say that it prints. */
async function run(code: string): Promise<{ printed: string[]; promised: string[] }> {
  const body = code
    .replace(/^import (\{.*\}) from '(.*)';$/gm, `const $1 = modules['$2'];`)
    .replace(/json<.*>\(\)/g, 'json()')
    .replaceAll('console.log', 'log')
    .replaceAll(/'postgres:\/\/.*?'/g, JSON.stringify(server.url));
  const printed: string[] = [];
  const example = compileFunction(`return (async () => {${body}})();`, ['log', 'modules']) as Example;
  const modules = { '@holdfast/postgres': postgres, '@holdfast/core': core };
  await example((...values) => printed.push(values.join(' ')), modules);
  return { printed, promised: [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text = '']) => text) };
}

describe('the README', () => {
  test.each(examples.map((code, i) => [i + 1, code] as const))('example %i prints what it says', async (_i, code) => {
    const { printed, promised } = await run(code);
    expect(printed).toEqual(promised);
    expect(promised.length).toBeGreaterThan(0);
  });

  test('names every option', () => {
    const source = readFileSync(join(__dirname, '../src/options.ts'), 'utf8');
    const [options = ''] = /export interface PostgresStoreOptions [\s\S]*?\n}/.exec(source) ?? [];
    const own = [...options.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name = '']) => name);
    for (const option of [...own, 'timeoutMs', 'bufferBytes', 'logger']) expect(readme).toContain(`\`${option}`);
    expect(own.length).toBeGreaterThan(10);
  });

  test('has a URL that opens a store', async () => {
    const [, text = ''] = /`openStore\('(.*?)'\)`/.exec(readme) ?? [];
    const url = text
      .replace('app@db.internal/app', `postgres@127.0.0.1:${server.port}/postgres`)
      .replace('passwordFile=/run/secrets/db&', '');
    const store = await openStore(url, { adapters: [postgres.postgres] });
    await store.put('by-url', '1');
    expect((await store.get('by-url'))?.key).toBe('by-url');
    await store.close();
  });
});
