import { isStoreError, StoreError } from '@holdfast/store';
import { change } from './change.js';
import type { Mutant } from './mutant.js';

export const lifecycleMutants: readonly Mutant[] = [
  {
    id: 'C16.closed-store-answers',
    title: 'a closed store still answers',
    caughtBy: ['C16.closed-stores-refuse'],
    apply: (store) =>
      change(store, {
        status: async (options) => {
          try {
            return await store.status(options);
          } catch (error) {
            if (!isStoreError(error, 'closed')) throw error;
            return { version: '0', members: [], revision: 1 as never, identity: 'closed' };
          }
        },
      }),
  },
  {
    id: 'C16.abort-ignored',
    title: 'a list takes no notice of its signal',
    caughtBy: ['C16.abort-ends-what-is-on-its-way', 'C16.aborted-calls'],
    apply: (store) =>
      change(store, {
        list: (range, options) =>
          store.list(range, options?.signal instanceof AbortSignal ? { ...options, signal: undefined } : options),
      }),
  },
  {
    id: 'C16.timeout-ignored',
    title: 'a get takes no notice of its time-out',
    caughtBy: ['C14.timeouts-are-retryable'],
    apply: (store) =>
      change(store, {
        get: (key, options) =>
          store.get(key, options?.timeoutMs === 150 ? { ...options, timeoutMs: undefined } : options),
      }),
  },
  {
    id: 'C16.misspelt-options-ignored',
    title: 'options that there are not are ignored',
    caughtBy: ['C16.misspelt-options-are-refused'],
    apply: (store) =>
      change(store, {
        put: (key, value, options) => {
          const { notAnOption: _, ...rest } = (options ?? {}) as Record<string, unknown>;
          return store.put(key, value, rest);
        },
      }),
  },
  {
    id: 'C16.closing-twice-fails',
    title: 'closing a closed store is an error',
    caughtBy: ['C16.closed-stores-refuse'],
    apply: (store) => {
      let closed = false;
      return change(store, {
        close: async () => {
          if (closed) throw new StoreError('closed', 'the store is closed already');
          closed = true;
          await store.close();
        },
      });
    },
  },
  {
    id: 'C16.status-without-version',
    title: 'status does not tell the version of the backend',
    caughtBy: ['C16.status'],
    apply: (store) => change(store, { status: async (options) => ({ ...(await store.status(options)), version: '' }) }),
  },
];
