import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openOtherCheckout, sideStart, withOther } from '../src/harness/other-checkout.js';
import type { Results } from '../src/harness/results.js';
import { rows } from '../src/rows/index.js';

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

/** The sources that a source loads, itself included. */
function loadedBy(source: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(source)) return found;
  found.add(source);
  const text = readFileSync(source, 'utf8');
  for (const [, path = ''] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from '(\.[^']+)\.js';$/gm))
    loadedBy(`${join(dirname(source), path)}.ts`, found);
  return found;
}

/** A package of a checkout, whose only entry point is the main one, as they were. */
function writePackage(name: string, content: string): void {
  const manifest = { name: `@holdfast/${name}`, type: 'module', exports: { '.': './index.js' } };
  write(join('bench', 'node_modules', '@holdfast', name, 'package.json'), JSON.stringify(manifest));
  write(join('bench', 'node_modules', '@holdfast', name, 'index.js'), content);
}

test('a folder that is no built checkout is refused', () => {
  expect(() => openOtherCheckout(folder)).toThrow('is no built checkout');
});

test('every row names sides that are there, and each is measured twice', () => {
  for (const row of rows) {
    expect(row.ours.filter((side) => row.sides[side] === undefined)).toEqual([]);
    const { sides } = withOther(row, { folder, label: 'abc' });
    expect(Object.keys(sides)).toHaveLength(Object.keys(row.sides).length + row.ours.length);
    for (const side of row.ours) expect(sides[`${side}@other`]?.label).toMatch(/, of abc$/);
  }
});

test('both checkouts are started alike: hooks on one side alone changed its memory', () => {
  const script = join(root, 'bench', 'dist', 'child.js');
  const ours = sideStart(script, 'lazy', folder);
  const other = sideStart(script, 'lazy@other', folder);
  expect(ours.execArgv).toEqual(other.execArgv);
  expect(Object.values(ours.env)).toEqual([root]);
  expect(Object.values(other.env)).toEqual([folder]);
  expect(sideStart(script, 'lazy', undefined)).toEqual({ execArgv: [], env: {} });
});

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
}, 120_000);

test('a side loads nothing that starts servers: another checkout need not have all that this one starts', () => {
  const sources = join(root, 'bench', 'src');
  for (const name of ['load', 'resync', 'backlog', 'latency', 'memory']) {
    const loaded = loadedBy(join(sources, 'rows', `${name}.ts`));
    expect(loaded).toContain(join(sources, 'harness', 'measure.ts'));
    expect(loaded).not.toContain(join(sources, 'harness', 'bench.ts'));
  }
});
