import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import * as coordination from '@holdfast/coordination';
import * as core from '@holdfast/core';
import * as etcdV3 from '@holdfast/etcd-v3';
import * as store from '@holdfast/store';
import { eventually, startEtcd, type Etcd } from '@holdfast/testkit';
import { transform } from '@swc/core';

const MODULES: Readonly<Record<string, unknown>> = {
  '@holdfast/coordination': coordination,
  '@holdfast/core': core,
  '@holdfast/etcd-v3': etcdV3,
  '@holdfast/store': store,
  get etcd3(): unknown {
    return createRequire(__filename)('etcd3') as unknown;
  },
};

const original = readFileSync(join(__dirname, 'original.ts.txt'), 'utf8');
const port = readFileSync(join(__dirname, '..', 'src', 'service.ts'), 'utf8');
const ENDPOINT = 'http://127.0.0.1:32379';

let etcd: Etcd;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd.close());

/** Runs a program whose top level awaits, against the test's server, and gives what it prints. */
async function run(program: string): Promise<string[]> {
  const imports = program.split('\n').filter((line) => line.startsWith('import '));
  const body = program
    .split('\n')
    .slice(imports.length)
    .join('\n')
    .replaceAll(ENDPOINT, etcd.endpoints[0] ?? '');
  const { code } = await transform(`${imports.join('\n')}\nexport async function main() {\n${body}\n}`, {
    swcrc: false,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
  });
  const printed: string[] = [];
  const log = (...values: unknown[]) => {
    printed.push(values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' '));
  };
  const exports: { main?: () => Promise<void> } = {};
  const evaluate = compileFunction(code, ['require', 'exports', 'console']) as (...args: unknown[]) => void;
  evaluate((name: string) => MODULES[name], exports, { log });
  await exports.main?.();
  // The events of the last deletions may come after it has ended.
  await eventually(() => {
    expect(printed.filter((line) => line.startsWith('del')).length).toBeGreaterThanOrEqual(4);
  });
  // Events come between the other lines, whenever the server sends them.
  return printed.map((line) => line.replace(/^delete (\S+) ?$/, 'del $1')).sort();
}

test('the port has no more lines than the original', () => {
  const lines = (text: string) => text.trimEnd().split('\n').length;
  expect(lines(port)).toBeLessThanOrEqual(lines(original));
});

test('the port prints what the original prints', async () => {
  const expected = await run(original);
  expect(expected).toContain('leader is me');
  expect(await run(port)).toEqual(expected);
  expect(await etcd.api('kv/range', { key: 'AA==', range_end: 'AA==', count_only: true })).not.toHaveProperty('count');
});
