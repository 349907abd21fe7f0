import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Results } from '../src/harness/results.js';

const root = join(__dirname, '..', '..');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-other-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(path: string, content: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

/** A package of a checkout, whose only entry point is the main one, as they were. */
function writePackage(name: string, content: string): void {
  const manifest = { name: `@holdfast/${name}`, type: 'module', exports: { '.': './index.js' } };
  write(join('bench', 'node_modules', '@holdfast', name, 'package.json'), JSON.stringify(manifest));
  write(join('bench', 'node_modules', '@holdfast', name, 'index.js'), content);
}

test('the sides of the other checkout run its packages, and the others run ours', async () => {
  // A mirror that answers everything at once, and notes that it was asked for.
  write(join('packages', 'core', 'dist', 'esm', 'index.js'), '');
  const noted = join(folder, 'noted');
  writePackage(
    'core',
    `import { appendFileSync } from 'node:fs';
     export const json = () => {};
     export async function mirror(store, { decode }) {
       appendFileSync(${JSON.stringify(noted)}, decode + ' on ' + store.of + '\\n');
       return { get: () => ({ value: { priority: 1 } }) };
     }`,
  );
  writePackage('memory', `export const memoryStore = () => ({ of: 'its memory', put: async () => {} });`);
  const out = join(folder, 'results.json');
  const args = [
    '.ci/bench.mjs',
    '--only',
    'reads',
    '--keys',
    '200',
    '--rounds',
    '1',
    '--against',
    folder,
    '--out',
    out,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
  const [{ figures } = { figures: {} }] = (JSON.parse(readFileSync(out, 'utf8')) as Results).rows;
  expect(Object.keys(figures).sort()).toEqual(['lazy', 'lazy@other', 'map', 'mirror', 'mirror@other']);
  expect(readFileSync(noted, 'utf8').split('\n').sort()).toEqual(['', 'eager on its memory', 'lazy on its memory']);
  expect(stdout).toContain(`of ${folder}`);
});
