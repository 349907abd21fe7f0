import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from './workspace.js';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const runtimes = JSON.parse(readFileSync(join(root, '.ci', 'runtimes.json'), 'utf8')) as {
  readonly name: string;
  readonly version: string;
}[];

test("the README's table has the runtimes that are tried, in the versions that are tried", () => {
  const rows = [...readme.matchAll(/^\| ((?:Node|Deno|Bun)[ \d]*?) \| (\d[\d.]+) \|/gm)].map(([, name, version]) => ({
    name,
    version,
  }));
  const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) => (a.name! < b.name! ? -1 : 1);
  expect(rows.sort(byName)).toEqual(runtimes.map(({ name, version }) => ({ name, version })).sort(byName));
});

test('every line of Node that is kept up, and the oldest that the packages take, is tried', () => {
  expect(runtimes.filter(({ name }) => name.startsWith('Node')).map(({ name }) => name)).toEqual([
    'Node 20',
    'Node 22',
    'Node 24',
    'Node 26',
  ]);
});
