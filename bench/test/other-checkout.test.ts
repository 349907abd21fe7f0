import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openOtherCheckout, sideStart, withOther } from '../src/harness/other-checkout.js';
import { rows } from '../src/rows/index.js';

const root = join(__dirname, '..', '..');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-other-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The sources that a source loads, itself included. */
function loadedBy(source: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(source)) return found;
  found.add(source);
  const text = readFileSync(source, 'utf8');
  for (const [, path = ''] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from '(\.[^']+)\.js';$/gm))
    loadedBy(`${join(dirname(source), path)}.ts`, found);
  return found;
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

test('a side loads nothing that starts servers: another checkout need not have all that this one starts', () => {
  const sources = join(root, 'bench', 'src');
  for (const name of ['load', 'resync', 'backlog', 'latency', 'memory']) {
    const loaded = loadedBy(join(sources, 'rows', `${name}.ts`));
    expect(loaded).toContain(join(sources, 'harness', 'measure.ts'));
    expect(loaded).not.toContain(join(sources, 'harness', 'bench.ts'));
  }
});
