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
export async function failuresOn(
  mutant?: Mutant,
  cases: readonly ConformanceCase[] = conformanceCases,
): Promise<string[]> {
  const healthy = memoryBackend();
  const backend: ConformanceBackend = mutant === undefined ? healthy : mutateBackend(healthy, mutant);
  try {
    const reports = await runConformance(backend, cases);
    return reports.flatMap(({ case: { id }, outcome }) => (outcome.status === 'failed' ? [id as string] : [])).sort();
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
