import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from './workspace.js';

const versions = ['3.5.30', '3.4.23', '3.6.16'];

type Rows = Record<string, { cases: number; skipped: number }>;

/** The runner's objections to a report. Jest can't load its modules, which are ESM, so another process asks them. */
function problems(rows: Rows): string[] {
  const module = join(root, '.ci', 'conformance-report.mjs');
  const script = `import { reportProblems } from ${JSON.stringify(module)};
    console.log(JSON.stringify(reportProblems(new Map(Object.entries(${JSON.stringify(rows)})), ${JSON.stringify(versions)})));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as string[];
}

const whole: Rows = {
  memory: { cases: 100, skipped: 0 },
  'memory-prefixed': { cases: 90, skipped: 10 },
  lmdb: { cases: 95, skipped: 5 },
  files: { cases: 70, skipped: 30 },
  'etcd-v3@3.5.30': { cases: 98, skipped: 2 },
  'etcd-v3@3.4.23': { cases: 98, skipped: 2 },
  'etcd-v3@3.6.16': { cases: 98, skipped: 2 },
  'etcd-v2@3.5.30': { cases: 70, skipped: 30 },
  'etcd-v2@3.4.23': { cases: 70, skipped: 30 },
};

test('a run of the same cases on every required backend passes', () => {
  expect(problems(whole)).toEqual([]);
});

test('a run that leaves a backend out, or runs nothing on it, fails', () => {
  const { memory: _, ...withoutMemory } = whole;
  expect(problems(withoutMemory)).toEqual(['the conformance suite did not run on memory']);
  expect(problems({ ...whole, 'etcd-v3@3.6.16': { cases: 0, skipped: 100 } })).toEqual([
    'the conformance suite did not run on etcd-v3@3.6.16',
  ]);
  const { 'etcd-v2@3.4.23': __, ...withoutV2 } = whole;
  expect(problems(withoutV2)).toEqual(['the conformance suite did not run on etcd-v2@3.4.23']);
});

test('a run that gives one backend fewer cases fails', () => {
  expect(problems({ ...whole, 'etcd-v3@3.5.30': { cases: 97, skipped: 2 } })).toEqual([
    'the conformance suite gave its backends different numbers of cases: 100, 100, 100, 100, 99, 100, 100, 100, 100',
  ]);
});
