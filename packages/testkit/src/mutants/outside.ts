import { isStoreError, type ConfigStore, type KeyValue } from '@holdfast/store';
import { change, changeBatches, type AnyDelete, type AnyPut } from './change.js';
import { withoutHistory } from './fewer.js';
import { LateWatch } from './late-watch.js';
import type { Mutant } from './mutant.js';

/** Notes the revisions that one process has written, through whichever handle. */
class OwnWrites {
  readonly revisions = new Set<number | undefined>();
  count = 0;

  note(store: ConfigStore): ConfigStore {
    const noting = async <T extends { readonly revision?: number }>(write: Promise<T>): Promise<T> => {
      this.count += 1;
      const result = await write;
      this.revisions.add(result.revision);
      return result;
    };
    const put: AnyPut = (...args) => noting(store.put(...args));
    const remove: AnyDelete = (...args) => noting(store.delete(...args));
    return change(store, { put, delete: remove, txn: (...args) => noting(store.txn(...args)) });
  }
}

/** A mutant that knows what the whole process has written. */
function knowing(breakStore: (store: ConfigStore, own: OwnWrites) => ConfigStore): Mutant['apply'] {
  const own = new OwnWrites();
  return (store) => breakStore(own.note(store), own);
}

export const outsideMutants: readonly Mutant[] = [
  {
    id: 'C4.cache-until-the-next-write',
    title: 'get remembers an entry until this process writes something',
    caughtBy: ['C4.reads-see-outside-writes'],
    apply: knowing((store, own) => {
      const cache = new Map<string, { readonly entry: KeyValue; readonly count: number }>();
      return change(store, {
        get: async (key, options) => {
          const hit = cache.get(key);
          if (options === undefined && hit?.count === own.count) return hit.entry;
          const entry = await store.get(key, options);
          if (options === undefined && entry !== undefined && entry.lease === undefined) {
            cache.set(key, { entry, count: own.count });
          }
          return entry;
        },
      });
    }),
  },
  {
    id: 'C10.only-own-puts',
    title: 'of puts, a watch tells those of this process alone',
    caughtBy: ['C10.watches-tell-outside-writes'],
    apply: knowing((store, own) =>
      changeBatches(
        store,
        () =>
          async function* (batch) {
            // A put may be told before its call has returned.
            await new Promise((resolve) => setImmediate(resolve));
            const events = batch.events.filter(({ type, revision }) => type !== 'put' || own.revisions.has(revision));
            yield { ...batch, events };
          },
      ),
    ),
  },
  {
    id: 'C6.guard-by-own-writes',
    title: 'a guard by a revision that this process wrote holds, whatever others have written since',
    caughtBy: ['C6.guards-see-outside-writes'],
    apply: knowing((store, own) => {
      const forced: AnyPut = (key, value) => store.put(key, value, { ifPresent: true } as object);
      const put: AnyPut = async (key, value, options) => {
        const result = await store.put(key, value, options);
        const { ifModRevision: guard } = (options ?? {}) as { readonly ifModRevision?: number };
        if (!('succeeded' in result) || result.succeeded === true || guard === undefined) return result;
        const current = await store.get(key);
        const byOthers = current !== undefined && !own.revisions.has(current.modRevision);
        return byOthers && own.revisions.has(guard) ? forced(key, value) : result;
      };
      return change(store, { put });
    }),
  },
  {
    id: 'C10.gap-without-history',
    title: 'a store without history begins a watch at its head, whatever it is asked to resume from',
    caughtBy: ['C10.no-history-is-compacted'],
    apply: (store) => {
      const fewer = withoutHistory(store);
      return change(fewer, {
        watch: (range, options) => {
          const after = options?.after;
          if (typeof after !== 'object') return fewer.watch(range, options);
          return new LateWatch(async () => {
            const watch = fewer.watch(range, options);
            const refused = await watch.ready.then(
              () => undefined,
              (error: unknown) => error,
            );
            return isStoreError(refused, 'compacted') ? fewer.watch(range, { ...options, after: undefined }) : watch;
          });
        },
      });
    },
  },
];
