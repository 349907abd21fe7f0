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

/**
 * A view of the source that notes how long its keys live, in passing: a mirror's entries don't say. It knows at least as much as the mirror
 * that reads through it.
 */
export class LeaseTap {
  /** What to give to the mirror. */
  readonly store: ConfigStore;
  readonly #lifetimes = new Map<string, Lifetime>();

  constructor(source: ConfigStore) {
    this.store = new GuardedStore(
      new TapDriver(
        source,
        (item) => {
          this.#note(item);
        },
        (key) => {
          this.#lifetimes.delete(key);
        },
      ),
      { logger: GuardedStore.loggerOf(source) },
    );
  }

  /** `undefined` for a key that lives until it is deleted. */
  lifetimeOf(key: string): Lifetime | undefined {
    return this.#lifetimes.get(key);
  }

  #note({ key, lease, expiresAt }: KeyValue): void {
    if (lease === undefined && expiresAt === undefined) this.#lifetimes.delete(key);
    else this.#lifetimes.set(key, { lease, expiresAt });
  }
}

class TapDriver extends DelegatingDriver {
  readonly #onItem: (item: KeyValue) => void;
  readonly #onDelete: (key: string) => void;

  constructor(store: ConfigStore, onItem: (item: KeyValue) => void, onDelete: (key: string) => void) {
    super(store);
    this.#onItem = onItem;
    this.#onDelete = onDelete;
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
    for (const event of events) {
      if (event.type === 'put') this.#onItem(event.current);
      else if (event.type === 'delete') this.#onDelete(event.key);
    }
  }
}
