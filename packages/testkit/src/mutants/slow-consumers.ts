import { StoreError, type Watch, type WatchBatch } from '@holdfast/store';
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

const HUGE = 2 ** 40;
const isBudget = (bytes: unknown) => bytes === undefined || (Number.isSafeInteger(bytes) && (bytes as number) > 0);

/** What waits between a watch that is read as fast as it goes and its consumer. */
interface Buffer {
  push(batch: WatchBatch): void;
  /** The next batch, or `undefined` while there is none that may be delivered. */
  shift(): WatchBatch | undefined;
}

/** The watch, read from the beginning as fast as it goes, whatever its consumer does. */
function readEagerly(watch: Watch, buffer: Buffer): Watch {
  if (watch.state.status === 'closed') return watch;
  const source = watch[Symbol.asyncIterator]();
  let end: { readonly error?: unknown } | undefined;
  const read = async () => {
    for (;;) {
      const next = await source.next();
      if (next.done === true) return;
      buffer.push(next.value);
    }
  };
  read().then(
    () => (end = {}),
    (error: unknown) => (end = { error }),
  );
  async function* deliver(): AsyncGenerator<WatchBatch> {
    for (;;) {
      const batch = buffer.shift();
      if (batch !== undefined) yield batch;
      else if (end === undefined) await new Promise((resolve) => setImmediate(resolve));
      else if ('error' in end) throw end.error;
      else return;
    }
  }
  let iterated = false;
  return overlay(watch, {
    [Symbol.asyncIterator]: () => {
      if (iterated) throw new StoreError('invalid-argument', 'a watch has one consumer');
      iterated = true;
      const batches = deliver();
      return {
        next: () => batches.next(),
        return: async () => {
          await watch.close();
          return { done: true, value: undefined };
        },
      };
    },
  });
}

/** The watch, one batch in each turn of the event loop. */
function inTurns(watch: Watch): Watch {
  return changeIteration(watch, async function* (batches) {
    for await (const batch of batches) {
      await new Promise((resolve) => setImmediate(resolve));
      yield batch;
    }
  });
}

/** Keeps nothing itself, and takes no notice when the consumer's budget is used up. */
class PushingOnDriver extends DelegatingDriver {
  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    const push = (batch: WatchBatch) => {
      const bytes = batch.events.reduce(
        (sum, event) => sum + (event.type === 'put' ? event.current.value.length : 0),
        0,
      );
      sink.push(batch, bytes);
      return 'ok' as const;
    };
    return super.watch(range, { ...options, bufferBytes: 1 }, { ...sink, push });
  }
}

export const slowConsumerMutants: readonly Mutant[] = [
  {
    id: 'C11.unbounded-buffer',
    title: 'a watch keeps whatever its consumer does not take',
    caughtBy: ['C11.budget-of-the-store', 'C11.memory-is-bounded'],
    apply: (store) =>
      change(store, {
        watch: (range, options) =>
          store.watch(range, isBudget(options?.bufferBytes) ? { ...options, bufferBytes: HUGE } : options),
      }),
  },
  {
    id: 'C11.full-ignored',
    title: 'a driver looks for changes in turns of its own, and pushes on after its queue was full',
    caughtBy: ['C11.budget-of-the-store', 'C11.memory-is-bounded'],
    apply: (store) => createStore(new PushingOnDriver(changeWatches(store, inTurns), { owned: true })),
  },
  {
    id: 'C11.overflow-drops',
    title: 'what does not fit into the buffer is dropped',
    caughtBy: [
      'C11.late-reader-gets-all',
      'C11.memory-is-bounded',
      'C11.others-do-not-notice',
      'C11.outage-behind-a-full-queue',
    ],
    apply: (store) =>
      changeWatches(store, (watch, _range, { bufferBytes }) => {
        if (bufferBytes === undefined) return watch;
        const queue: WatchBatch[] = [];
        const push = (batch: WatchBatch) => void (queue.length < 64 && queue.push(batch));
        return readEagerly(watch, { push, shift: () => queue.shift() });
      }),
  },
  {
    id: 'C11.one-holds-up-all',
    title: 'a watch whose consumer is slow holds up the others',
    caughtBy: [
      'C11.budget-of-the-store',
      'C11.memory-is-bounded',
      'C11.others-do-not-notice',
      'C11.outage-behind-a-full-queue',
      'C11.resume-of-a-late-reader',
    ],
    apply: (store) => {
      const slow = new Set<WatchBatch[]>();
      return changeWatches(store, (watch, _range, { bufferBytes }) => {
        const queue: WatchBatch[] = [];
        if (bufferBytes !== undefined) slow.add(queue);
        const heldUp = () => [...slow].some((other) => other !== queue && other.length > 100);
        return readEagerly(watch, {
          push: (batch) => void queue.push(batch),
          shift: () => (heldUp() ? undefined : queue.shift()),
        });
      });
    },
  },
  {
    id: 'C11.full-hears-nothing',
    title: 'a watch whose consumer is slow does not hear that its connection was lost',
    caughtBy: ['C11.outage-behind-a-full-queue'],
    apply: (store) =>
      changeWatches(store, (watch, _range, { bufferBytes }) => {
        return bufferBytes === undefined ? watch : hideOutages(watch);
      }),
  },
];
