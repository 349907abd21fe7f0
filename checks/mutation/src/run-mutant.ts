import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutant, Mutation } from './mutant.js';
import { runJest } from './run-jest.js';
import { verdictOf, type JestReport, type Verdict } from './verdict.js';

/** Far more than any of these tests takes, mutated or not. */
const MOST_MS = 560_000;

export interface MutantRun {
  readonly verdict: Verdict;
  readonly seconds: number;
}

/**
 * Runs the test that is to find a mutant, in a Jest process of its own.
 *
 * @param root the root of the repository
 * @param mutation what to change: the mutant's own change, or nothing, which the test has to pass with
 */
export async function runMutant(
  root: string,
  { caughtBy: { test, name } }: Pick<Mutant, 'caughtBy'>,
  mutation: Mutation | undefined,
): Promise<MutantRun> {
  const work = await mkdtemp(join(tmpdir(), 'holdfast-mutant-'));
  const began = performance.now();
  try {
    const output = join(work, 'jest.json');
    const args = [
      ...['--config', 'checks/mutation/jest/config.mjs', '--runInBand', '--ci', '--silent', '--bail', '--forceExit'],
      ...['--json', `--outputFile=${output}`, '--testNamePattern', name, '--runTestsByPath', test],
    ];
    const env = mutation === undefined ? {} : { HOLDFAST_MUTATION: changeOf(mutation) };
    const said = await runJest(root, args, { mostMs: MOST_MS, env });
    const verdict = await readFile(output, 'utf8').then(
      (json) => verdictOf(JSON.parse(json) as JestReport),
      (): Verdict => ({ kind: 'broken', reason: `Jest ended without a report: ${said}` }),
    );
    return { verdict, seconds: (performance.now() - began) / 1_000 };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function changeOf({ file, find, replace }: Mutation): string {
  return JSON.stringify({ file, find, replace });
}
