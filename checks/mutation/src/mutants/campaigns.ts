import type { Mutant } from '../mutant.js';

const FUZZ = {
  test: 'checks/fuzz/test/sample.test.ts',
  name: 'random calls come to the same on the memory store and on etcd 3.5.\\d+$',
};

/** Bugs that were found by random calls and hostile servers, put back: the samples that every run of all tests has must find them again. */
export const campaigns: readonly Mutant[] = [
  {
    name: 'fuzz-nothing-as-everything',
    trap: 19,
    why: "bounds are compared before the empty start is replaced by the first key: `['', '\\0')` passes, where it holds nothing",
    file: 'packages/store/src/range.ts',
    find: 'compareBytes(first, end) >= 0',
    replace: 'compareBytes(start, end) >= 0',
    caughtBy: FUZZ,
  },
  {
    name: 'fuzz-compaction-without-its-revision',
    why: 'a list of the past inside a transaction does not say which revision is the oldest that can be read',
    file: 'packages/etcd-v3/src/kv/txn.ts',
    find: "    if (!isStoreError(error, 'compacted') || oldest === undefined) throw error;",
    replace: '    if (isStoreError(error) || oldest === undefined) throw error;',
    caughtBy: FUZZ,
  },
  {
    name: 'fuzz-read-of-unknown-outcome',
    why: 'a transaction that only reads, and was refused, says that it may have been applied',
    file: 'packages/store/src/guarded-store.ts',
    find: "if (!writesAnything(checked)) kind = 'read';",
    replace: '',
    caughtBy: FUZZ,
  },
];
