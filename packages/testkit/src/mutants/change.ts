import {
  isStoreError,
  StoreError,
  type ConfigStore,
  type KeyValue,
  type Range,
  type StoreErrorOptions,
  type Watch,
  type WatchBatch,
  type WatchOptions,
  type WatchState,
} from '@holdfast/store';

// The overloads of `put` and `delete` as one signature each, so that a mutant replaces both.
export type AnyPut = (...args: Parameters<ConfigStore['put']>) => ReturnType<ConfigStore['put']>;
export type AnyDelete = (...args: Parameters<ConfigStore['delete']>) => ReturnType<ConfigStore['delete']>;

export type Changes = Partial<Omit<ConfigStore, 'put' | 'delete' | 'leases'>> & {
  readonly put?: (key: string, value: string | Uint8Array, options?: object) => Promise<unknown>;
  readonly delete?: (range: Range, options?: object) => Promise<unknown>;
  readonly leases?: Partial<ConfigStore['leases']>;
};

/** The same store, but for what is changed. */
export function change(store: ConfigStore, { leases, ...changes }: Changes): ConfigStore {
  const changed = overlay(store, changes);
  return leases === undefined ? changed : overlay(changed, { leases: overlay(store.leases, leases) });
}

/** The same object, but for what is changed. */
export function overlay<T extends object>(target: T, changes: object): T {
  return new Proxy(target, {
    get(_target, name) {
      if (name in changes) return (changes as Record<PropertyKey, unknown>)[name];
      const value: unknown = Reflect.get(target, name, target);
      // Bound to what it is a method of: private fields don't go through a proxy.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** The call, with another error where it fails with a `StoreError`. */
export async function failing<T>(call: Promise<T>, toError: (error: StoreError) => Error): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw isStoreError(error) ? toError(error) : error;
  }
}

/** The error with something else in it. What only errors of its kind have, such as `compactRevision`, is left out. */
export function remade(error: StoreError, changes: StoreErrorOptions & { message?: string }): StoreError {
  const { code, message, retryable, outcome, endpoint } = error;
  return new StoreError(code, changes.message ?? message, { retryable, outcome, endpoint, ...changes });
}

/** The entry with the lease that a read of the key tells. */
export async function withLease(store: ConfigStore, entry: KeyValue): Promise<KeyValue> {
  const lease = (await store.get(entry.key))?.lease;
  return lease === undefined ? entry : { ...entry, lease };
}

/** What becomes of one watch's batches. Called anew for each watch, so that it can count. */
export type BatchChange = (
  range: Range,
  options: WatchOptions,
) => (batch: WatchBatch) => Iterable<WatchBatch> | AsyncIterable<WatchBatch>;

/** The same store, whose watches deliver other batches. */
export function changeBatches(store: ConfigStore, makeChange: BatchChange): ConfigStore {
  return changeWatches(store, (watch, range, options) => {
    const toBatches = makeChange(range, options);
    return changeIteration(watch, async function* (batches) {
      for await (const batch of batches) yield* toBatches(batch);
    });
  });
}

/** The same store, with other watches. */
export function changeWatches(
  store: ConfigStore,
  toWatch: (watch: Watch, range: Range, options: WatchOptions) => Watch,
): ConfigStore {
  return change(store, { watch: (range, options) => toWatch(store.watch(range, options), range, options ?? {}) });
}

/** The same watch, with another iteration and, where given, another state. */
export function changeIteration(
  watch: Watch,
  iterate: (batches: AsyncIterable<WatchBatch>) => AsyncIterable<WatchBatch>,
  toState: (state: WatchState) => WatchState = (state) => state,
): Watch {
  return overlay(watch, {
    get state() {
      return toState(watch.state);
    },
    onState: (listener: (state: WatchState) => void) =>
      watch.onState((state) => {
        listener(toState(state));
      }),
    [Symbol.asyncIterator]: () => {
      // The watch's own iterator is asked at once, so that a second consumer is refused as before.
      const source = watch[Symbol.asyncIterator]();
      const changed = iterate({ [Symbol.asyncIterator]: () => source })[Symbol.asyncIterator]();
      return {
        next: () => changed.next(),
        // A generator that waits for its source would hold the return up; the source itself does not.
        return: async () => {
          await source.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  });
}

/** A watch that goes on saying `live`, as it last was, while its connection is lost. */
export function hideOutages(watch: Watch): Watch {
  let live: WatchState = watch.state;
  return changeIteration(
    watch,
    (batches) => batches,
    (state) => {
      if (state.status === 'live') live = state;
      return state.status === 'interrupted' ? live : state;
    },
  );
}

// Late enough that only cases which follow a whole history meet it.
export const NTH = 37;

/** Does something to the batch with the n-th event, and leaves the others. */
export function atNth(
  nth: number,
  what: (batch: WatchBatch) => readonly WatchBatch[],
): () => (batch: WatchBatch) => readonly WatchBatch[] {
  return () => {
    let seen = 0;
    return (batch) => {
      const before = seen;
      seen += batch.events.length;
      return before < nth && seen >= nth ? what(batch) : [batch];
    };
  };
}
