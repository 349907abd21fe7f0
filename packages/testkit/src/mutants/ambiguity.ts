import { isStoreError, type StoreErrorCode, type WriteOutcome } from '@holdfast/store';
import { change, failing, remade } from './change.js';
import type { Mutant } from './mutant.js';

function option(options: object | undefined, name: string): unknown {
  return (options as Record<string, unknown> | undefined)?.[name];
}

/** The call, but its errors of these codes claim this outcome. */
function claiming<T>(call: Promise<T>, codes: readonly StoreErrorCode[], outcome: WriteOutcome): Promise<T> {
  return failing(call, (error) => (codes.includes(error.code) ? remade(error, { outcome }) : error));
}

export const ambiguityMutants: readonly Mutant[] = [
  {
    id: 'C7.put-retried',
    title: 'a put whose answer was lost is sent again (trap 9)',
    caughtBy: ['C7.lost-put-is-unknown-and-not-repeated'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          try {
            return await store.put(key, value, options);
          } catch (error) {
            const unguarded = options === undefined;
            if (!unguarded || !isStoreError(error, 'unavailable') || error.outcome !== 'unknown') throw error;
            return store.put(key, value);
          }
        },
      }),
  },
  {
    id: 'C7.delete-retried',
    title: 'a delete whose answer was lost is sent again',
    caughtBy: ['C7.lost-delete-is-unknown'],
    apply: (store) =>
      change(store, {
        delete: async (range, options) => {
          try {
            return await store.delete(range, options);
          } catch (error) {
            if (!isStoreError(error, 'unavailable') || error.outcome !== 'unknown') throw error;
            return store.delete(range, options);
          }
        },
      }),
  },
  {
    id: 'C7.unknown-as-not-applied',
    title: 'a transaction whose answer was lost is said not to have been applied',
    caughtBy: ['C7.lost-txn-is-unknown-and-not-repeated'],
    apply: (store) =>
      change(store, {
        txn: (txn, options) => claiming(store.txn(txn, options), ['unavailable'], 'not-applied'),
      }),
  },
  {
    id: 'C7.lost-answer-as-a-failed-guard',
    title: 'a guarded put whose answer was lost says that the guard failed',
    caughtBy: ['C7.lost-guarded-put-is-not-a-result'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          try {
            return await store.put(key, value, options);
          } catch (error) {
            if (option(options, 'ifAbsent') !== true || !isStoreError(error, 'unavailable')) throw error;
            return { succeeded: false };
          }
        },
      }),
  },
  {
    id: 'C7.abort-as-not-applied',
    title: 'a put that is aborted on its way is said not to have been applied',
    caughtBy: ['C7.aborted-put-is-unknown'],
    apply: (store) =>
      change(store, {
        put: (key, value, options) => claiming(store.put(key, value, options), ['aborted'], 'not-applied'),
      }),
  },
  {
    id: 'C7.timeout-as-not-applied',
    title: 'a put that is not answered in time is said not to have been applied',
    caughtBy: ['C7.timed-out-put-is-unknown'],
    apply: (store) =>
      change(store, {
        put: (key, value, options) => claiming(store.put(key, value, options), ['timeout'], 'not-applied'),
      }),
  },
  {
    id: 'C7.reading-txn-in-doubt',
    title: 'a transaction that only reads is said to be in doubt where it is not answered',
    caughtBy: ['C7.reading-txn-is-never-applied'],
    apply: (store) =>
      change(store, {
        txn: (txn, options) => claiming(store.txn(txn, options), ['timeout', 'aborted'], 'unknown'),
      }),
  },
  {
    id: 'C9.compacted-without-revision',
    title: 'a transaction that reads a compacted past does not tell the compacted revision',
    caughtBy: ['C9.compacted-past'],
    apply: (store) =>
      change(store, {
        txn: (txn, options) => claiming(store.txn(txn, options), ['compacted'], 'not-applied'),
      }),
  },
  {
    id: 'C7.always-unknown',
    title: 'a delete that was never sent is said to be in doubt',
    caughtBy: ['C7.unsent-writes-are-not-applied'],
    apply: (store) =>
      change(store, {
        delete: (range, options) => claiming(store.delete(range, options), ['unavailable'], 'unknown'),
      }),
  },
];
