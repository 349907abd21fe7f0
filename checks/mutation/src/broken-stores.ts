import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrokenStoresResult } from './results.js';
import { runJest } from './run-jest.js';
import type { JestReport } from './verdict.js';

/** Some twenty times what they take on an idle machine. */
const MOST_MS = 20 * 60_000;

const TESTS = ['mutants.test.ts', 'mutants-of-watches.test.ts'].map((name) => `packages/testkit/test/${name}`);

/** Runs every case of the conformance suite on every broken store; a run of all tests tries a part of them. */
export async function runBrokenStores(root: string): Promise<BrokenStoresResult> {
  const work = await mkdtemp(join(tmpdir(), 'holdfast-broken-stores-'));
  try {
    const output = join(work, 'jest.json');
    const args = ['--ci', '--silent', '--json', `--outputFile=${output}`, '--runTestsByPath', ...TESTS];
    const said = await runJest(root, args, { mostMs: MOST_MS, env: { HOLDFAST_BROKEN_STORES: 'whole' } });
    const json = await readFile(output, 'utf8').catch(() => undefined);
    if (json === undefined) return { passed: 0, failed: [`Jest ended without a report: ${said}`] };
    const tests = (JSON.parse(json) as JestReport).testResults.flatMap(({ assertionResults }) => assertionResults);
    const failed = tests.filter(({ status }) => status !== 'passed').map(({ fullName }) => fullName);
    return { passed: tests.length - failed.length, failed };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
