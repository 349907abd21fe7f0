import { isStoreError, StoreError, type WatchState } from '@holdfast/store';
import {
  createStore,
  DelegatingDriver,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  type WatchSink,
} from '@holdfast/store/adapter';
import { change, changeIteration, changeWatches, hideOutages, overlay } from './change.js';
import type { Mutant } from './mutant.js';

class GivingUpDriver extends DelegatingDriver {
  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    return super.watch(range, options, {
      ...sink,
      interrupted: (cause) => {
        sink.fail(cause);
      },
    });
  }
}

class LeakingDriver extends DelegatingDriver {
  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    const watch = super.watch(range, options, sink);
    return {
      resume: () => {
        watch.resume();
      },
      close: () => Promise.resolve(),
    };
  }
}

export const watchEndMutants: readonly Mutant[] = [
  {
    id: 'C12.close-throws',
    title: 'close() ends the iteration in an error',
    caughtBy: ['C12.close-before-the-first-read', 'C12.close-ends-the-iteration'],
    apply: (store) =>
      changeWatches(store, (watch) =>
        changeIteration(watch, async function* (batches) {
          yield* batches;
          throw new StoreError('closed', 'the watch was closed');
        }),
      ),
  },
  {
    id: 'C12.abort-is-an-end',
    title: 'an abort ends the iteration as if there were no more',
    caughtBy: ['C12.abort-throws', 'C12.aborted-beforehand'],
    apply: (store) =>
      changeWatches(store, (watch) =>
        changeIteration(watch, async function* (batches) {
          try {
            yield* batches;
          } catch (error) {
            if (!isStoreError(error, 'aborted')) throw error;
          }
        }),
      ),
  },
  {
    id: 'C12.outage-ends-the-watch',
    title: 'a lost connection ends the watch in an error',
    caughtBy: [
      'C12.breakdown-shows-in-the-state',
      'C12.breakdown-is-ridden-out',
      'C11.outage-behind-a-full-queue',
      'C12.compacted-in-an-outage',
      'C12.opened-in-an-outage',
      'C12.outage-is-ridden-out',
      'C12.state-tells-the-outage',
    ],
    apply: (store) =>
      changeWatches(store, (watch) => {
        let cause: StoreError | undefined;
        watch.onState((state) => {
          if (state.status !== 'interrupted' || cause !== undefined) return;
          cause = state.cause;
          void watch.close();
        });
        return changeIteration(watch, async function* (batches) {
          yield* batches;
          if (cause !== undefined) throw cause;
        });
      }),
  },
  {
    id: 'C12.compaction-skips',
    title: 'a watch whose history was compacted goes on from the head, without a word (trap 6)',
    caughtBy: [
      'C11.budget-of-the-store',
      'C11.memory-is-bounded',
      'C12.compacted-in-an-outage',
      'C12.compacted-resume',
      'C12.compaction-spares-the-others',
      'C12.no-silent-gap-at-the-compacted-revision',
    ],
    apply: (store) =>
      changeWatches(store, (watch, range, options) => {
        return changeIteration(watch, async function* (batches) {
          try {
            yield* batches;
          } catch (error) {
            if (!isStoreError(error, 'compacted')) throw error;
            yield* store.watch(range, { ...options, after: undefined });
          }
        });
      }),
  },
  {
    id: 'C12.always-live',
    title: 'the state says live during an outage',
    caughtBy: [
      'C12.breakdown-shows-in-the-state',
      'C12.breakdown-is-ridden-out',
      'C11.outage-behind-a-full-queue',
      'C12.compacted-in-an-outage',
      'C12.state-tells-the-outage',
    ],
    apply: (store) => changeWatches(store, hideOutages),
  },
  {
    id: 'C12.left-open',
    title: 'leaving the loop leaves the watch open',
    caughtBy: ['C12.closed-watches-are-gone', 'C12.leaving-the-loop-closes'],
    apply: (store) =>
      changeWatches(store, (watch) =>
        overlay(watch, {
          [Symbol.asyncIterator]: () => {
            const source = watch[Symbol.asyncIterator]();
            return { next: () => source.next() };
          },
        }),
      ),
  },
  {
    id: 'C12.store-close-is-an-end',
    title: 'the end of the store ends its watches as if there were no more',
    caughtBy: ['C12.store-close-ends-watches'],
    apply: (store) =>
      changeWatches(store, (watch) =>
        changeIteration(watch, async function* (batches) {
          try {
            yield* batches;
          } catch (error) {
            if (!isStoreError(error, 'closed')) throw error;
          }
        }),
      ),
  },
  {
    id: 'C12.close-untold',
    title: 'listeners are not told that a watch was closed',
    caughtBy: ['C12.states-are-told'],
    apply: (store) =>
      changeWatches(store, (watch) =>
        overlay(watch, {
          onState: (listener: (state: WatchState) => void) =>
            watch.onState((state) => {
              if (state.status !== 'closed') listener(state);
            }),
        }),
      ),
  },
  {
    id: 'C12.never-recovers',
    title: 'a handle that met an outage does not come back',
    caughtBy: ['C12.calls-recover'],
    apply: (store) => {
      let outage: StoreError | undefined;
      return change(store, {
        get: async (key, options) => {
          if (outage !== undefined) throw outage;
          try {
            return await store.get(key, options);
          } catch (error) {
            if (isStoreError(error, 'unavailable')) outage = error;
            throw error;
          }
        },
      });
    },
  },
  {
    id: 'C12.never-interrupted',
    title: 'a driver never says that it has lost its backend: a mirror on it stays live',
    caughtBy: ['C12.breakdown-is-ridden-out', 'C12.breakdown-shows-in-the-state'],
    belowLink: true,
    apply: (store) => changeWatches(store, hideOutages),
  },
  {
    id: 'C12.breakdown-ends-the-watch',
    title: 'a driver ends its watch when it loses its backend',
    caughtBy: ['C12.breakdown-is-ridden-out', 'C12.breakdown-shows-in-the-state'],
    belowLink: true,
    apply: (store) => createStore(new GivingUpDriver(store, { owned: true })),
  },
  {
    id: 'C12.leaked-watches',
    title: 'a driver lets go of a closed watch, and does not stop it',
    caughtBy: ['C12.closed-watches-are-gone'],
    apply: (store) => createStore(new LeakingDriver(store, { owned: true })),
  },
];
