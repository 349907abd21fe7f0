import { describe, expect, test } from '@jest/globals';
import type { ConfigStore } from '@holdfast/store';
import { conformanceCases, mutateBackend, runConformance, type CaseReport } from '@holdfast/testkit';
import { limited, onlyDirectories, withoutHistory, withoutWrites } from '../src/mutants/fewer.js';
import { healthyCases } from './support/broken-stores.js';
import { memoryBackend } from './support/memory-backend.js';

/** The suite on a lesser store, made of the memory store: all of it, or in npm run test:fast a part of it with these cases. */
async function reportOf(
  lessen: (store: ConfigStore) => ConfigStore,
  own: readonly string[],
): Promise<readonly CaseReport[]> {
  const backend = memoryBackend({ patienceMs: 5_000 });
  const lesser = mutateBackend(backend, { id: 'C15.lesser', title: 'can do less', caughtBy: [], apply: lessen });
  try {
    return await runConformance(
      lesser,
      conformanceCases.filter((each) => healthyCases.includes(each) || own.includes(each.id)),
    );
  } finally {
    await backend.close();
  }
}

const passed = (reports: readonly CaseReport[]) =>
  reports.flatMap(({ case: { id }, outcome }) => (outcome.status === 'passed' ? [id] : []));

describe('the suite passes on a healthy store', () => {
  const lesser: [string, (store: ConfigStore) => ConfigStore, string[]][] = [
    // Its data is written past it.
    [
      'without writes',
      withoutWrites,
      [
        'C15.read-only-store-refuses-writes',
        'C15.read-only-declares-no-leases',
        'C4.list-gives-all',
        'C5.all-of-a-range-once',
        'C10.every-write-once-in-order',
      ],
    ],
    ['without history', withoutHistory, ['C10.no-history-is-compacted']],
    ['that deletes directories, key by key', onlyDirectories, ['C6.directory-delete', 'C6.range-delete-unsupported']],
    [
      'with limits of keys and values',
      (store) => limited(store, { maxKeyBytes: 700, maxValueBytes: 2 ** 19 }),
      ['C15.keys-up-to-the-limit', 'C15.values-up-to-the-limit'],
    ],
  ];
  test.each(lesser)('%s, and tries what only such a store can show', async (_name, lessen, own) => {
    const reports = await reportOf(lessen, own);
    expect(
      reports.flatMap(({ case: { id }, outcome }) => (outcome.status === 'failed' ? [[id, outcome.error]] : [])),
    ).toEqual([]);
    expect(passed(reports)).toEqual(expect.arrayContaining(own));
  });
});
