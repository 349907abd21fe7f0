import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { root } from './workspace.js';

interface Layout {
  readonly order: readonly string[];
}

const layouts = JSON.parse(readFileSync(join(root, '.ci', 'rooms.json'), 'utf8')) as Record<string, Layout>;
const work = mkdtempSync(join(tmpdir(), 'holdfast-rooms-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** The broken rules that dependency-cruiser finds below some folders. */
function violations(cwd: string, config: string, folders: readonly string[]): string[] {
  const cruiser = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const args = [cruiser, '--config', config, '--output-type', 'json', ...folders];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 28 });
  expect(stderr).toBe('');
  const { summary } = JSON.parse(stdout) as {
    summary: { totalCruised: number; violations: { from: string; to: string; rule: { name: string } }[] };
  };
  expect(summary.totalCruised).toBeGreaterThan(0);
  return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
}

/** Makes a project of these files, whose rooms have this order. `explained`: those that may be in circles of types. */
function project(
  files: Readonly<Record<string, string>>,
  order: readonly string[],
  explained: readonly string[] = [],
): string {
  const folder = mkdtempSync(join(work, 'project-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const rules = join(root, '.ci', 'dependency-cruiser.mjs');
  writeFileSync(
    join(folder, 'config.mjs'),
    `import { configOf } from ${JSON.stringify(rules)};\nexport default configOf({ src: { order: ${JSON.stringify(order)} } }, ${JSON.stringify(explained)});\n`,
  );
  return folder;
}

test('no room imports one above it, and no imports form a circle', () => {
  const parents = ['packages', 'checks'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((folder) => `${parent}/${folder}/src`),
  );
  const sources = [...parents.filter((path) => existsSync(join(root, path))), 'bench/src'];
  expect(violations(root, '.ci/dependency-cruiser.mjs', sources)).toEqual([]);
});

test.each(Object.entries(layouts))('every file of %s is in a room', (source, { order }) => {
  const parts = readdirSync(join(root, source)).map((name) => name.replace(/\.ts$/, ''));
  expect(parts.sort()).toEqual([...order].sort());
});

test('an import of a room above is found', () => {
  const files = { 'src/low/a.ts': "import '../high/b.js';\n", 'src/high/b.ts': 'export const b = 1;\n' };
  const folder = project(files, ['low', 'high']);
  expect(violations(folder, 'config.mjs', ['src'])).toEqual([
    'src: low imports nothing above it: src/low/a.ts -> src/high/b.ts',
  ]);
});

test('a circle of imports is found', () => {
  const circle = { 'src/a.ts': "import './b.js';\n", 'src/b.ts': "import './a.js';\n" };
  expect(violations(project(circle, ['x']), 'config.mjs', ['src'])).not.toEqual([]);
  expect(violations(project(circle, ['x'], ['src/a.ts', 'src/b.ts']), 'config.mjs', ['src'])).not.toEqual([]);
});

test('a circle of types is found, unless it is one of those that are explained', () => {
  const types = {
    'src/a.ts': "import type { B } from './b.js';\nexport type A = B;\n",
    'src/b.ts': "import type { A } from './a.js';\nexport type B = A;\n",
  };
  expect(violations(project(types, ['x']), 'config.mjs', ['src'])).not.toEqual([]);
  expect(violations(project(types, ['x'], ['src/a.ts', 'src/b.ts']), 'config.mjs', ['src'])).toEqual([]);
});
