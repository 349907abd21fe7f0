import { isStoreError, StoreError } from '@holdfast/store';
import { change, changeIteration, changeWatches } from './change.js';
import { LateWatch } from './late-watch.js';
import type { Mutant } from './mutant.js';

export const historyMutants: readonly Mutant[] = [
  {
    id: 'C13.foreign-bookmark-taken',
    title: 'a bookmark of another history is taken for one of this',
    caughtBy: ['C13.foreign-bookmark'],
    apply: (store) =>
      change(store, {
        watch: (range, options) => {
          const after = options?.after;
          if (after === undefined || !after.identity?.endsWith('0')) return store.watch(range, options);
          return new LateWatch(async () => {
            const { bookmark } = await store.list(range, { countOnly: true });
            const foreign = after.identity === `${bookmark.identity}0`;
            return store.watch(
              range,
              foreign ? { ...options, after: { ...after, identity: bookmark.identity } } : options,
            );
          });
        },
      }),
  },
  {
    id: 'C13.silent-beyond-the-head',
    title: 'a bookmark beyond the head is waited for (trap 7)',
    caughtBy: ['C13.bookmark-beyond-the-head', 'C13.foreign-bookmark'],
    apply: (store) =>
      changeWatches(store, (watch) =>
        changeIteration(watch, async function* (batches) {
          try {
            yield* batches;
          } catch (error) {
            if (!isStoreError(error, 'history-changed')) throw error;
            await new Promise(() => undefined);
          }
        }),
      ),
  },
  {
    id: 'C13.false-alarm',
    title: 'a handle that never wrote takes a bookmark at the head for one of another history',
    caughtBy: ['C13.no-false-alarm-at-the-head'],
    apply: (store) => {
      let wrote = false;
      return change(store, {
        put: (key, value, options) => {
          wrote = true;
          return store.put(key, value, options);
        },
        watch: (range, options) => {
          const after = options?.after;
          if (wrote || after === undefined) return store.watch(range, options);
          return new LateWatch(async () => {
            const revision = await store.status().then(
              (status) => status.revision,
              () => undefined,
            );
            if (after.revision === revision) throw new StoreError('history-changed', 'the head is below the bookmark');
            return store.watch(range, options);
          });
        },
      });
    },
  },
  {
    id: 'C13.progress-lowers-the-bookmark',
    title: 'a resumed watch begins with progress at an older revision',
    caughtBy: ['C13.foreign-bookmark', 'C13.progress-never-lowers-a-bookmark'],
    apply: (store) =>
      changeWatches(store, (watch, _range, { after }) => {
        if (after === undefined) return watch;
        return changeIteration(watch, async function* (batches) {
          const bookmark = { ...after, revision: (after.revision - 1) as typeof after.revision };
          yield { kind: 'progress', bookmark, events: [], undecodable: [] };
          yield* batches;
        });
      }),
  },
];
