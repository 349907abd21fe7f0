import { isStoreError, StoreError } from '@holdfast/store';
import { change, failing, remade } from './change.js';
import type { Mutant } from './mutant.js';

export const errorMutants: readonly Mutant[] = [
  {
    id: 'C14.wrong-code',
    title: 'a put with an unknown lease fails with not-found',
    caughtBy: [
      'C14.errors-are-recognisable',
      'C14.retryable-by-code',
      'C6.put-with-unknown-lease',
      'C7.refused-writes-are-not-applied',
    ],
    apply: (store) =>
      change(store, {
        put: (key, value, options) =>
          failing(store.put(key, value, options), (error) =>
            error.code === 'lease-not-found'
              ? new StoreError('not-found', error.message, { outcome: 'not-applied' })
              : error,
          ),
      }),
  },
  {
    id: 'C14.plain-errors',
    title: 'a get in the future fails with an Error of no kind',
    caughtBy: ['C14.errors-are-recognisable', 'C14.retryable-by-code', 'C4.future-revision'],
    apply: (store) =>
      change(store, {
        get: (key, options) =>
          failing(store.get(key, options), (error) =>
            error.code === 'future-revision' ? new Error(error.message) : error,
          ),
      }),
  },
  {
    id: 'C14.retryable-for-ever',
    title: 'an error that would only come again is called retryable',
    caughtBy: ['C14.retryable-by-code'],
    apply: (store) =>
      change(store, {
        get: (key, options) =>
          failing(store.get(key, options), (error) =>
            error.code === 'future-revision' ? remade(error, { retryable: true }) : error,
          ),
      }),
  },
  {
    id: 'C14.endpoint-unnamed',
    title: 'the error of an unreachable store does not say where',
    caughtBy: ['C14.unavailable-names-the-endpoint'],
    apply: (store) =>
      change(store, {
        get: (key, options) =>
          failing(store.get(key, options), (error) =>
            error.code === 'unavailable' ? new StoreError('unavailable', 'the store is not reachable') : error,
          ),
      }),
  },
  {
    id: 'C14.messages-say-nothing',
    title: 'the message of a refused argument does not name it',
    caughtBy: ['C14.messages-name-the-argument'],
    apply: (store) =>
      change(store, {
        list: (range, options) =>
          failing(store.list(range, options), (error) =>
            error.code === 'invalid-argument' ? remade(error, { message: 'the argument is invalid' }) : error,
          ),
      }),
  },
  {
    id: 'C14.compacting-again-succeeds',
    title: 'compacting what is compacted is answered as done',
    caughtBy: ['C14.compact-errors'],
    apply: (store) =>
      change(store, {
        compact: async (revision, options) => {
          try {
            await store.compact(revision, options);
          } catch (error) {
            if (!isStoreError(error, 'compacted')) throw error;
          }
        },
      }),
  },
];
