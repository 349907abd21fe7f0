import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { command } from '../support/command.js';
import { root } from '../support/markdown-sample.js';

let work = '';

beforeAll(() => {
  // Inside the workspace, so that packages are found from there.
  mkdirSync(join(root, '.cache'), { recursive: true });
  work = mkdtempSync(join(root, '.cache', 'adapter-'));
});
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

const node = (cwd: string, args: readonly string[]): Promise<{ failed: boolean; out: string }> => {
  const {
    NODE_OPTIONS: _,
    JEST_WORKER_ID: __,
    NODE_TEST_CONTEXT: ___,
    HOLDFAST_CONFORMANCE_REPORT: ____,
    ...env
  } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ failed: error !== null, out: stdout + stderr });
    });
  });
};

/** Makes one file of the package's test and of the sources that it imports: nothing need be built or installed. */
async function bundled(folder: string): Promise<string> {
  const source = (path: string) => join(root, 'packages', path);
  const file = join(folder, 'bundled.test.mjs');
  const options = {
    entryPoints: [join(folder, 'test', 'conformance.test.js')],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    tsconfigRaw: {},
    alias: {
      '@holdfast/store/adapter': source('store/src/adapter.ts'),
      '@holdfast/testkit/node-test': source('testkit/src/node-test.ts'),
      ...Object.fromEntries(
        ['store', 'adapter-kit', 'testkit'].map((name) => [`@holdfast/${name}`, source(`${name}/src/index.ts`)]),
      ),
    },
  };
  const { out } = await node(root, ['-e', `require('esbuild').buildSync(${JSON.stringify(options)})`]);
  expect(out).toBe('');
  return file;
}

test('a new adapter passes every case that applies to it, from the start', async () => {
  const { code, out, err } = await command(['adapter', 'new', 'my-kv'], { cwd: work });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const folder = join(work, 'holdfast-my-kv');
  expect(out).toBe(`Made ${folder}. Next: cd holdfast-my-kv && npm install && npm test\n`);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  expect(manifest).toMatchObject({ name: 'holdfast-my-kv', type: 'module', scripts: { test: 'node --test test/' } });
  expect(readdirSync(folder).sort()).toEqual(['README.md', 'driver.js', 'index.js', 'package.json', 'test']);
  for (const name of ['driver.js', 'index.js', 'README.md']) {
    expect(readFileSync(join(folder, name), 'utf8')).not.toMatch(/__\w+__/);
  }
  const result = await node(folder, ['--test', '--test-reporter=tap', await bundled(folder)]);
  expect(result.out).toMatch(/^# fail 0$/m);
  expect(result.failed).toBe(false);
  const [, passed = '0'] = /^# pass (\d+)$/m.exec(result.out) ?? [];
  expect(Number(passed)).toBeGreaterThan(150);
});

test('a new adapter overwrites nothing, and has a name that a URL and npm take', async () => {
  mkdirSync(join(work, 'holdfast-taken'));
  writeFileSync(join(work, 'holdfast-taken', 'mine.txt'), 'mine');
  const taken = await command(['adapter', 'new', 'taken'], { cwd: work });
  expect(taken.code).toBe(2);
  expect(taken.err).toMatch(/is there already, and not empty/);
  expect(readdirSync(join(work, 'holdfast-taken'))).toEqual(['mine.txt']);
  for (const name of ['My', '../up', 'a_b', '-x']) {
    const bad = await command(['adapter', 'new', '--', name], { cwd: work });
    expect([bad.code, bad.err]).toEqual([2, expect.stringMatching(/lower-case letters, digits and single dashes/)]);
  }
});
