import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { root } from './workspace.js';

interface Layout {
  readonly order: readonly string[];
}

const layouts = JSON.parse(readFileSync(join(root, '.ci', 'rooms.json'), 'utf8')) as Record<string, Layout>;
const work = mkdtempSync(join(tmpdir(), 'holdfast-rooms-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Place {
  readonly cwd: string;
  readonly config: string;
  readonly folders: readonly string[];
}

interface Cruised {
  readonly totalCruised: number;
  readonly violations: readonly {
    readonly from: string;
    readonly to: string;
    readonly rule: { readonly name: string };
  }[];
}

/** The broken rules that dependency-cruiser finds in each place. Jest can't load ES modules, so another process runs it. */
function violations(places: readonly Place[]): string[][] {
  const args = [join(root, '.ci', 'cruise.mjs'), JSON.stringify(places)];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as Cruised[]).map(({ totalCruised, violations }) => {
    expect(totalCruised).toBeGreaterThan(0);
    return violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
  });
}

interface Sample {
  readonly files: Readonly<Record<string, string>>;
  readonly order: readonly string[];
  /** Those that may be in circles of types. */
  readonly explained?: readonly string[];
}

const circle = { 'a.ts': "import './b.js';\n", 'b.ts': "import './a.js';\n" };
const types = {
  'a.ts': "import type { B } from './b.js';\nexport type A = B;\n",
  'b.ts': "import type { A } from './a.js';\nexport type B = A;\n",
};

/** Sources that break a rule, by the name of their folder. */
const SAMPLES = {
  upward: {
    files: { 'low/a.ts': "import '../high/b.js';\n", 'high/b.ts': 'export const b = 1;\n' },
    order: ['low', 'high'],
  },
  circle: { files: circle, order: ['x'] },
  explainedCircle: { files: circle, order: ['x'], explained: ['a.ts', 'b.ts'] },
  types: { files: types, order: ['x'] },
  explainedTypes: { files: types, order: ['x'], explained: ['a.ts', 'b.ts'] },
} satisfies Record<string, Sample>;

let found: { readonly inSources: readonly string[]; readonly inSamples: readonly string[] };
/** The broken rules that are found in one sample. */
const foundIn = (name: keyof typeof SAMPLES) => found.inSamples.filter((line) => line.includes(`: ${name}/`));

beforeAll(() => {
  const parents = ['packages', 'checks'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((folder) => `${parent}/${folder}/src`),
  );
  const sources = [...parents.filter((path) => existsSync(join(root, path))), 'bench/src'];
  const samples: [string, Sample][] = Object.entries(SAMPLES);
  for (const [name, { files }] of samples) {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(work, name, path)), { recursive: true });
      writeFileSync(join(work, name, path), text);
    }
  }
  const layouts = Object.fromEntries(samples.map(([name, { order }]) => [name, { order }]));
  const explained = samples.flatMap(([name, sample]) => (sample.explained ?? []).map((path) => `${name}/${path}`));
  const rules = JSON.stringify(join(root, '.ci', 'dependency-cruiser.mjs'));
  const config = `configOf(${JSON.stringify(layouts)}, ${JSON.stringify(explained)})`;
  writeFileSync(join(work, 'config.mjs'), `import { configOf } from ${rules};\nexport default ${config};\n`);
  const [inSources = [], inSamples = []] = violations([
    { cwd: root, config: '.ci/dependency-cruiser.mjs', folders: sources },
    { cwd: work, config: 'config.mjs', folders: Object.keys(SAMPLES) },
  ]);
  found = { inSources, inSamples };
});

test('no room imports one above it, and no imports form a circle', () => {
  expect(found.inSources).toEqual([]);
});

test.each(Object.entries(layouts))('every file of %s is in a room', (source, { order }) => {
  // A program and the room with its parts may share a name.
  const parts = new Set(readdirSync(join(root, source)).map((name) => name.replace(/\.ts$/, '')));
  expect([...parts].sort()).toEqual([...order].sort());
});

test('an import of a room above is found', () => {
  expect(foundIn('upward')).toEqual(['upward: low imports nothing above it: upward/low/a.ts -> upward/high/b.ts']);
});

test('a circle of imports is found', () => {
  expect(foundIn('circle')).not.toEqual([]);
  expect(foundIn('explainedCircle')).not.toEqual([]);
});

test('a circle of types is found, unless it is one of those that are explained', () => {
  expect(foundIn('types')).not.toEqual([]);
  expect(foundIn('explainedTypes')).toEqual([]);
});
