import { describe, expect, test } from '@jest/globals';
import {
  conformanceCases,
  mutateBackend,
  runConformance,
  type ConformanceBackend,
  type ConformanceCase,
  type Mutant,
} from '@holdfast/testkit';
import { memoryBackend } from './memory-backend.js';

/** The cases that fail on the memory store, or on it broken by a mutant. */
export async function failuresOn(mutant?: Mutant): Promise<string[]> {
  const failed = await failuresAmong(conformanceCases, mutant, 250);
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

/** A test of each broken store: the whole suite is run on it, and exactly its own cases may fail. */
export function describeBrokenStores(mutants: readonly Mutant[]): void {
  describe('the suite catches', () => {
    for (const mutant of mutants) {
      test(`${mutant.id}: ${mutant.title}`, async () => {
        expect(mutant.caughtBy).not.toEqual([]);
        expect(await failuresOn(mutant)).toEqual([...mutant.caughtBy].sort());
      });
    }
  });
}
