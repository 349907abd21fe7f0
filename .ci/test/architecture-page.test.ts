import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { root } from './workspace.js';

const page = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8');
const layouts = JSON.parse(readFileSync(join(root, '.ci', 'rooms.json'), 'utf8')) as Record<
  string,
  { readonly order: readonly string[] }
>;

/** The folders with sources, from the root of the repository: `packages/core`. */
const folders = ['packages', 'checks']
  .flatMap((parent) => readdirSync(join(root, parent)).map((name) => `${parent}/${name}`))
  .concat('bench')
  .filter((folder) => existsSync(join(root, folder, 'src')));

/** The rooms and top-level files of a folder's sources: `util/`, `mirror.ts`. Entry points only export what is in them. */
function partsOf(folder: string): string[] {
  const entries = readdirSync(join(root, folder, 'src'), { withFileTypes: true });
  const parts = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  return parts.filter((part) => part !== 'index.ts').sort();
}

/** The names in the first column of a folder's table. */
function namedIn(markdown: string, folder: string): string[] {
  const section = markdown.split(/^## /m).find((each) => each.startsWith(`\`${folder}\`\n`)) ?? '';
  const cells = [...section.matchAll(/^\| (`.+?`) \|/gm)].map(([, cell = '']) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`(.+?)`/g)].map(([, name = '']) => name)).sort();
}

describe('docs/architecture.md', () => {
  test.each(folders)('names every room and file of %s, and no other: a new one gets a row of its table', (folder) => {
    expect(namedIn(page, folder)).toEqual(partsOf(folder));
  });

  test('names every room whose order is held', () => {
    const missing = Object.entries(layouts).flatMap(([source, { order }]) => {
      const named = namedIn(page, source.replace(/\/src$/, ''));
      return order.filter((part) => part !== 'index' && !named.includes(`${part}/`) && !named.includes(`${part}.ts`));
    });
    expect(missing).toEqual([]);
  });

  test('would be found out if it left a room out', () => {
    const without = page.replace(/^\| `reads\/` .*\n/m, '');
    expect(namedIn(without, 'packages/core')).not.toEqual(partsOf('packages/core'));
  });
});
