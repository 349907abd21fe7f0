import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { findEtcd, findPostgres } from '@holdfast/testkit';
import { sampledVersion, triesAllVersions } from '../../.ci/test/support/sampled-etcds.js';
import type { Results } from '../src/harness/results.js';
import { verdictsOf } from '../src/harness/verdict.js';
import { rows } from '../src/rows/index.js';

const root = join(__dirname, '..', '..');

/** A third of the rows by turns: each starts a process for each of its sides, and servers. */
const [turn] = sampledVersion([0, 1, 2]);
const tried = rows.filter((_, index) => triesAllVersions || index % 3 === turn);

test('the rows of the benchmarks still run, on sizes that say nothing about speed', async () => {
  const etcd = findEtcd({});
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  try {
    const out = join(folder, 'results.json');
    const only = tried.flatMap(({ name }) => ['--only', name]);
    const args = ['--keys', '200', '--rounds', '1', '--etcd', etcd.etcd, '--out', out, ...only];
    await promisify(execFile)(process.execPath, ['.ci/bench.mjs', ...args], { cwd: root, maxBuffer: 1 << 24 });
    const results = JSON.parse(readFileSync(out, 'utf8')) as Results;
    const measured = results.rows.map(({ row, server }) => `${row} ${server}`.trim());
    const servers = { none: '', etcd: etcd.version, postgres: `PostgreSQL ${findPostgres().version}` };
    expect(measured).toEqual(tried.map(({ name, server }) => `${name} ${servers[server]}`.trim()));
    for (const [index, row] of tried.entries()) {
      const verdicts = verdictsOf(row, results.rows[index]!);
      expect(verdicts.filter(({ ours }) => !Number.isFinite(ours.median))).toEqual([]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
