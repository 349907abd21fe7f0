import type { ConfigStore, KeyValue, LeaseId, ListResult, Page, WatchBatch } from '@holdfast/store';
import {
  DelegatingDriver,
  type DriverCall,
  type DriverListOptions,
  type DriverScanOptions,
  type DriverWatch,
  type DriverWatchOptions,
  GuardedStore,
  type KeyRange,
  scanByList,
  WatchPump,
  type WatchSink,
} from '@holdfast/store/adapter';

/** How long a key lives, as the source tells it. */
export interface Lifetime {
  /** The source's lease; `undefined` where the backend has a time to live without leases. */
  readonly lease: LeaseId | undefined;
  /** In milliseconds since the epoch, where the backend tells it. */
  readonly expiresAt: number | undefined;
}

/** How many keys are never too many. */
const FEW = 1_000;

interface Noted extends Lifetime {
  /** The key's revision in the source. */
  readonly revision: number;
}

/** Whether a key ends by itself: with its lease, or with a time to live of its own. */
export function isMortal({ lease, expiresAt }: Pick<KeyValue, 'lease' | 'expiresAt'>): boolean {
  return lease !== undefined || expiresAt !== undefined;
}

/**
 * A view of the source that notes how long its keys live, in passing: a mirror's entries don't say. It knows at least as much as the mirror
 * that reads through it. It still knows a deleted key whose last value is not carried over yet.
 */
export class LeaseTap {
  /** What to give to the mirror. */
  readonly store: ConfigStore;
  #mostKept = FEW;
  readonly #lifetimes = new Map<string, Noted>();

  constructor(source: ConfigStore) {
    this.store = new GuardedStore(
      new TapDriver(source, (item) => {
        this.#note(item);
      }),
      { logger: GuardedStore.loggerOf(source) },
    );
  }

  /** `undefined` for a key that lives until it is deleted. */
  lifetimeOf(key: string): Lifetime | undefined {
    return this.#lifetimes.get(key);
  }

  /**
   * Forgets keys that are not there any more, once there may be as many of them as of others.
   *
   * @param revision up to where everything is carried over
   */
  forget(revision: number, isThere: (key: string) => boolean): void {
    if (this.#lifetimes.size < this.#mostKept) return;
    for (const [key, noted] of this.#lifetimes)
      if (noted.revision <= revision && !isThere(key)) this.#lifetimes.delete(key);
    this.#mostKept = Math.max(FEW, 2 * this.#lifetimes.size);
  }

  #note(item: KeyValue): void {
    const { key, lease, expiresAt, modRevision: revision } = item;
    if (!isMortal(item)) this.#lifetimes.delete(key);
    else this.#lifetimes.set(key, { lease, expiresAt, revision });
  }
}

class TapDriver extends DelegatingDriver {
  readonly #onItem: (item: KeyValue) => void;

  constructor(store: ConfigStore, onItem: (item: KeyValue) => void) {
    super(store);
    this.#onItem = onItem;
  }

  override async list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    const list = await super.list(range, options, call);
    // A read of the past may be older than what is known.
    if (!options.keysOnly && !options.countOnly && options.sort === undefined) list.items.forEach(this.#onItem);
    return list;
  }

  /** By lists: pages don't tell leases. */
  override scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncIterable<Page> {
    const { leases, ttl } = this.capabilities;
    return options.keysOnly || !(leases || ttl)
      ? super.scan(range, options, call)
      : scanByList(this, range, options, call);
  }

  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    return new WatchPump(this.store.watch(range.toRange(), options), sink, (batch) => {
      this.#see(batch);
      return batch;
    });
  }

  #see({ events }: WatchBatch): void {
    for (const event of events) if (event.type === 'put') this.#onItem(event.current);
  }
}
