import { isStoreError, StoreError } from '@holdfast/store';
import { change } from './change.js';
import type { Mutant } from './mutant.js';

function option(options: object | undefined, name: string): unknown {
  return (options as Record<string, unknown> | undefined)?.[name];
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
        txn: async (txn, options) => {
          try {
            return await store.txn(txn, options);
          } catch (error) {
            if (!isStoreError(error, 'unavailable')) throw error;
            throw new StoreError('unavailable', error.message, { outcome: 'not-applied' });
          }
        },
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
        put: async (key, value, options) => {
          try {
            return await store.put(key, value, options);
          } catch (error) {
            if (!isStoreError(error, 'aborted')) throw error;
            throw new StoreError('aborted', error.message, { outcome: 'not-applied' });
          }
        },
      }),
  },
  {
    id: 'C7.timeout-as-not-applied',
    title: 'a put that is not answered in time is said not to have been applied',
    caughtBy: ['C7.timed-out-put-is-unknown'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          try {
            return await store.put(key, value, options);
          } catch (error) {
            if (!isStoreError(error, 'timeout')) throw error;
            throw new StoreError('timeout', error.message, { outcome: 'not-applied' });
          }
        },
      }),
  },
  {
    id: 'C7.reading-txn-in-doubt',
    title: 'a transaction that only reads is said to be in doubt where it is not answered',
    caughtBy: ['C7.reading-txn-is-never-applied'],
    apply: (store) =>
      change(store, {
        txn: async (txn, options) => {
          try {
            return await store.txn(txn, options);
          } catch (error) {
            if (!isStoreError(error) || !['timeout', 'aborted'].includes(error.code)) throw error;
            throw new StoreError(error.code, error.message, { outcome: 'unknown' });
          }
        },
      }),
  },
  {
    id: 'C9.compacted-without-revision',
    title: 'a transaction that reads a compacted past does not tell the compacted revision',
    caughtBy: ['C9.compacted-past'],
    apply: (store) =>
      change(store, {
        txn: async (txn, options) => {
          try {
            return await store.txn(txn, options);
          } catch (error) {
            if (!isStoreError(error, 'compacted')) throw error;
            throw new StoreError('compacted', error.message, { outcome: 'not-applied' });
          }
        },
      }),
  },
  {
    id: 'C7.always-unknown',
    title: 'a delete that was never sent is said to be in doubt',
    caughtBy: ['C7.unsent-writes-are-not-applied'],
    apply: (store) =>
      change(store, {
        delete: async (range, options) => {
          try {
            return await store.delete(range, options);
          } catch (error) {
            if (!isStoreError(error, 'unavailable')) throw error;
            throw new StoreError('unavailable', error.message, { outcome: 'unknown' });
          }
        },
      }),
  },
];
