import { StoreError, type Bookmark, type ConfigStore, type Watch } from '@holdfast/store';
import {
  DelegatingDriver,
  WatchPump,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  type WatchSink,
} from '@holdfast/store/adapter';

/**
 * A connection to a store that can be cut and healed, like a network partition. While it is cut, reads fail, and watches are closed
 * at the store. When it is healed, each watch resumes after its last delivered batch. So any store, the embedded one too, shows what
 * a mirror does after it was away for longer than the history reaches.
 */
export class Partition extends DelegatingDriver {
  readonly #watches = new Set<PartitionedWatch>();
  #isCut = false;

  constructor(store: ConfigStore) {
    super(store);
  }

  /** Resolves when all watches are closed at the store. */
  async cut(): Promise<void> {
    this.#isCut = true;
    await Promise.all([...this.#watches].map((watch) => watch.interrupt(cutOff())));
  }

  heal(): void {
    this.#isCut = false;
    for (const watch of this.#watches) watch.follow();
  }

  override get(...call: Parameters<DelegatingDriver['get']>): ReturnType<DelegatingDriver['get']> {
    return this.#isCut ? Promise.reject(cutOff()) : super.get(...call);
  }

  override list(...call: Parameters<DelegatingDriver['list']>): ReturnType<DelegatingDriver['list']> {
    return this.#isCut ? Promise.reject(cutOff()) : super.list(...call);
  }

  override async *scan(...call: Parameters<DelegatingDriver['scan']>): ReturnType<DelegatingDriver['scan']> {
    if (this.#isCut) throw cutOff();
    yield* super.scan(...call);
  }

  override status(...call: Parameters<DelegatingDriver['status']>): ReturnType<DelegatingDriver['status']> {
    return this.#isCut ? Promise.reject(cutOff()) : super.status(...call);
  }

  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    const open = (after: Bookmark | undefined) => this.store.watch(range.toRange(), { ...options, after });
    const watch = new PartitionedWatch(open, options.after, sink, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    // A driver may not report anything to its sink before it has returned the watch.
    queueMicrotask(() => {
      if (this.#isCut) void watch.interrupt(cutOff());
      else watch.follow();
    });
    return watch;
  }
}

class PartitionedWatch implements DriverWatch {
  readonly #open: (after: Bookmark | undefined) => Watch;
  readonly #sink: WatchSink;
  readonly #onClose: () => void;
  #after: Bookmark | undefined;
  #pump: WatchPump | undefined;
  #closed = false;

  constructor(
    open: (after: Bookmark | undefined) => Watch,
    after: Bookmark | undefined,
    sink: WatchSink,
    onClose: () => void,
  ) {
    this.#open = open;
    this.#after = after;
    this.#sink = sink;
    this.#onClose = onClose;
  }

  follow(): void {
    if (this.#closed || this.#pump !== undefined) return;
    this.#pump = new WatchPump(this.#open(this.#after), {
      established: (after) => {
        this.#after ??= after;
        this.#sink.established(after);
      },
      interrupted: (cause) => {
        this.#sink.interrupted(cause);
      },
      push: (batch, bytes) => {
        this.#after = batch.bookmark;
        return this.#sink.push(batch, bytes);
      },
      fail: (error) => {
        this.#sink.fail(error);
      },
    });
  }

  async interrupt(cause: StoreError): Promise<void> {
    if (this.#closed) return;
    const pump = this.#pump;
    this.#pump = undefined;
    this.#sink.interrupted(cause);
    await pump?.close();
  }

  resume(): void {
    this.#pump?.resume();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#onClose();
    await this.#pump?.close();
  }
}

function cutOff(): StoreError {
  return new StoreError('unavailable', 'the quickstart has cut this connection');
}
