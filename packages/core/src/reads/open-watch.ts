import type { Bookmark, Watch, WatchBatch, WatchState } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';

export interface OpenWatchOptions {
  /** What the mirror has already. Without it the watch begins at the store's head. */
  readonly after?: Bookmark | undefined;
  /** How many bytes may wait to be taken; the store's own setting if left out. */
  readonly bufferBytes?: number | undefined;
}

type Next = IteratorResult<WatchBatch, undefined>;

/**
 * A watch of the mirror's range that can change hands: a load that follows while it reads takes batches first, and whoever follows on
 * takes the rest. A batch that was looked at and not taken is the next one for whoever comes after.
 */
export class OpenWatch implements AsyncIterableIterator<WatchBatch, undefined> {
  readonly #watch: Watch;
  readonly #batches: AsyncIterator<WatchBatch, undefined>;
  readonly #controller = new AbortController();
  #next: Promise<Next> | undefined;
  #wasInterrupted = false;

  constructor({ store, settings }: Runtime, { after, bufferBytes }: OpenWatchOptions = {}) {
    this.#watch = store.watch(settings.range.toRange(), {
      after,
      ...(bufferBytes === undefined ? {} : { bufferBytes }),
      signal: this.#controller.signal,
      // Stores that are older than the option refuse it.
      ...(settings.unref && { unref: true }),
    });
    // The iteration tells how it failed.
    this.#watch.ready.catch(() => undefined);
    this.#watch.onState(({ status }) => {
      if (status === 'interrupted') this.#wasInterrupted = true;
    });
    this.#batches = this.#watch[Symbol.asyncIterator]() as AsyncIterator<WatchBatch, undefined>;
  }

  get ready(): Promise<Bookmark> {
    return this.#watch.ready;
  }

  get state(): WatchState {
    return this.#watch.state;
  }

  /** Whether its connection was lost since it was established first. */
  get wasInterrupted(): boolean {
    return this.#wasInterrupted;
  }

  onState(listener: (state: WatchState) => void): () => void {
    return this.#watch.onState(listener);
  }

  /** The next batch, or how the watch ended; the same until it is taken. */
  peek(): Promise<Next> {
    if (this.#next === undefined) {
      this.#next = this.#batches.next();
      // Whoever takes it hears of a failure, and nobody may be waiting yet.
      this.#next.catch(() => undefined);
    }
    return this.#next;
  }

  /** The batch that was looked at is used. */
  take(): void {
    this.#next = undefined;
  }

  /** Takes the next batch. */
  next(): Promise<Next> {
    const next = this.#next ?? this.#batches.next();
    this.#next = undefined;
    return next;
  }

  /** All batches that nobody has taken. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends the iteration with an `aborted` error. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  close(): Promise<void> {
    return this.#watch.close();
  }
}
