import { describe, expect, test } from '@jest/globals';
import {
  conformanceCases,
  mutateBackend,
  runConformance,
  type ConformanceBackend,
  type ConformanceCase,
  mutants as allMutants,
  type Mutant,
} from '@holdfast/testkit';
import { sample } from '../../../../.ci/test/support/sample.js';
import { memoryBackend } from './memory-backend.js';

// What a broken store does not tell never comes: to wait longer on a slow machine would only make that slower.
delete process.env['HOLDFAST_PATIENCE'];

/**
 * One in so many of the cases that a broken store has to pass is tried: a few by npm run test:fast, an eighth by npm test, all by npm run
 * mutants.
 */
const ONE_IN = { few: 64, whole: 1 }[process.env['HOLDFAST_BROKEN_STORES'] ?? ''] ?? 8;

/**
 * The cases that must pass on the memory store. npm run test:fast tries a part of them here, because packages/memory/test/conformance.test.ts
 * has all of them pass.
 */
export const healthyCases: readonly ConformanceCase[] = conformanceCases.filter(
  (_, index) => process.env['HOLDFAST_BROKEN_STORES'] !== 'few' || index % 4 === 0,
);

/** The cases that fail among the given ones, on the memory store or on it broken by a mutant. */
export async function failuresOn(cases: readonly ConformanceCase[], mutant?: Mutant): Promise<string[]> {
  const failed = await failuresAmong(cases, mutant, 250);
  const expected = failed.filter(({ id }) => mutant?.caughtBy.includes(id));
  // On a busy machine a step may take longer than the suite's impatience here: what fails unexpectedly gets more time.
  const unexpected = failed.filter((each) => !expected.includes(each));
  const stillFailed = await failuresAmong(unexpected, mutant, 5_000);
  return [...expected, ...stillFailed].map(({ id }) => id as string).sort();
}

async function failuresAmong(
  cases: readonly ConformanceCase[],
  mutant: Mutant | undefined,
  patienceMs: number,
): Promise<ConformanceCase[]> {
  const healthy = memoryBackend({ patienceMs });
  const backend: ConformanceBackend = mutant === undefined ? healthy : mutateBackend(healthy, mutant);
  try {
    const reports = await runConformance(backend, cases);
    return reports.flatMap((report) => (report.outcome.status === 'failed' ? [report.case] : []));
  } finally {
    await healthy.close();
  }
}

/** The cases that must find a broken store, and a part of the others: so many stores in a row as there are parts try all of them. */
function casesFor(mutant: Mutant): ConformanceCase[] {
  const turn = allMutants.indexOf(mutant);
  return conformanceCases.filter(({ id }, index) => mutant.caughtBy.includes(id) || (index + turn) % ONE_IN === 0);
}

/** A test of each broken store, or of a quarter of them in npm run test:fast: exactly its own cases may fail on it. */
export function describeBrokenStores(mutants: readonly Mutant[]): void {
  describe('the suite catches', () => {
    for (const mutant of sample(mutants)) {
      test(`${mutant.id}: ${mutant.title}`, async () => {
        expect(mutant.caughtBy).not.toEqual([]);
        expect(await failuresOn(casesFor(mutant), mutant)).toEqual([...mutant.caughtBy].sort());
      });
    }
  });
}
