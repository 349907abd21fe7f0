import { removeAbortListener, whenAborted } from './abort-listeners.js';
import { toCallError } from './call.js';
import type { Clock } from './clock.js';
import type { DriverWatch, WatchSink } from './driver.js';
import { StoreError } from './errors.js';
import { Fifo } from './fifo.js';
import type { Logger } from './logger.js';
import { messageOf } from './message-of.js';
import { holdProcess } from './process-hold.js';
import type { Bookmark } from './revision.js';
import { handleRejection } from './thenable.js';
import type { Watch, WatchBatch, WatchState } from './watch.js';

export interface WatchQueueOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many bytes may wait before the driver is told `'full'`. */
  readonly bufferBytes: number;
  readonly signal: AbortSignal | undefined;
  /** Whether the process may end although the watch is open. */
  readonly unref: boolean;
  /** Hears of each change of the state before anyone else. */
  readonly onState?: ((state: WatchState, previous: WatchState) => void) | undefined;
  /** Called once, when the watch has ended for any reason. */
  readonly onEnd: (watch: WatchQueue) => void;
}

interface ReadySettler {
  resolve(bookmark: Bookmark): void;
  reject(error: StoreError): void;
}

interface Waiter {
  resolve(result: IteratorResult<WatchBatch, undefined>): void;
  reject(error: StoreError): void;
}

// How the iteration ends, once the queue is empty.
type End =
  { readonly kind: 'open' } | { readonly kind: 'done' } | { readonly kind: 'error'; readonly error: StoreError };

/**
 * The consumer's side of a watch: a queue between one driver watch and one iteration, with a budget of bytes (C10 to C12).
 * Progress that waits behind progress is merged, so the queue of an idle consumer does not grow.
 */
export class WatchQueue implements Watch {
  readonly ready: Promise<Bookmark>;
  readonly #options: WatchQueueOptions;
  readonly #driver: DriverWatch | undefined;
  readonly #listeners = new Set<(state: WatchState) => unknown>();
  readonly #settleReady: ReadySettler;
  #state: WatchState = { status: 'connecting' };
  readonly #queue = new Fifo<{ batch: WatchBatch; bytes: number }>();
  #bytes = 0;
  #full = false;
  #waiter: Waiter | undefined;
  #end: End = { kind: 'open' };
  #iterated = false;
  #closed: Promise<void> | undefined;
  readonly #release: () => void;

  constructor(start: (sink: WatchSink) => DriverWatch, options: WatchQueueOptions) {
    this.#options = options;
    this.#release = options.unref ? () => undefined : holdProcess();
    let settle!: ReadySettler;
    this.ready = new Promise<Bookmark>((resolve, reject) => (settle = { resolve, reject }));
    this.#settleReady = settle;
    // Nobody has to handle `ready`: the iteration and the state report the same failure.
    this.ready.catch(() => undefined);
    this.#driver = this.#start(start);
    whenAborted(options.signal, this.#onAbort);
  }

  get state(): WatchState {
    return this.#state;
  }

  onState(listener: (state: WatchState) => void): () => void {
    // Wrapped, so that a function subscribed twice makes two subscriptions. Its type says that it returns nothing, but it may be
    // async all the same.
    const entry = (state: WatchState) => listener(state) as unknown;
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchBatch, undefined> {
    if (this.#iterated) {
      throw new StoreError(
        'invalid-argument',
        'a watch has one consumer, and this one is being iterated; open another watch',
      );
    }
    this.#iterated = true;
    return {
      next: () => this.#next(),
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  async close(): Promise<void> {
    this.#finish({ kind: 'done' }, true);
    await this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends the watch from the store's side, at once. Queued batches are not delivered. */
  async end(error: StoreError): Promise<void> {
    this.#finish({ kind: 'error', error }, true);
    await this.#closed;
  }

  #start(start: (sink: WatchSink) => DriverWatch): DriverWatch | undefined {
    const sink: WatchSink = {
      established: (after, head) => {
        this.#settleReady.resolve(after);
        const since = this.#options.clock.now();
        this.#transition({ status: 'live', since, after, ...(head === undefined ? {} : { head }) });
      },
      interrupted: (cause) => {
        const since = this.#state.status === 'interrupted' ? this.#state.since : this.#options.clock.now();
        this.#transition({ status: 'interrupted', since, cause: toCallError('read', cause) });
      },
      push: (batch, bytes) => this.#push(batch, bytes),
      fail: (error) => {
        this.#finish({ kind: 'error', error: toCallError('read', error) }, false);
      },
    };
    try {
      return start(sink);
    } catch (error) {
      this.#finish({ kind: 'error', error: toCallError('read', error) }, true);
      return undefined;
    }
  }

  #push(batch: WatchBatch, bytes: number): 'ok' | 'full' {
    if (this.#end.kind !== 'open') return 'ok';
    if (this.#waiter !== undefined) {
      const waiter = this.#waiter;
      this.#waiter = undefined;
      waiter.resolve({ done: false, value: batch });
      return 'ok';
    }
    const last = this.#queue.last();
    if (batch.kind === 'progress' && last?.batch.kind === 'progress') {
      last.batch = batch;
      return this.#full ? 'full' : 'ok';
    }
    this.#queue.push({ batch, bytes });
    this.#bytes += bytes;
    this.#full = this.#bytes > this.#options.bufferBytes;
    return this.#full ? 'full' : 'ok';
  }

  #next(): Promise<IteratorResult<WatchBatch, undefined>> {
    const head = this.#queue.shift();
    if (head !== undefined) {
      this.#bytes -= head.bytes;
      if (this.#full && this.#queue.length === 0) {
        this.#full = false;
        this.#driver?.resume();
      }
      return Promise.resolve({ done: false, value: head.batch });
    }
    if (this.#end.kind === 'error') {
      const { error } = this.#end;
      this.#end = { kind: 'done' };
      return Promise.reject(error);
    }
    if (this.#end.kind === 'done') return Promise.resolve({ done: true, value: undefined });
    if (this.#waiter !== undefined) {
      return Promise.reject(new StoreError('invalid-argument', 'await one next() of a watch before calling it again'));
    }
    return new Promise(this.#wait);
  }

  /** Made once: a promise is made for each batch. */
  readonly #wait = (resolve: Waiter['resolve'], reject: Waiter['reject']): void => {
    this.#waiter = { resolve, reject };
  };

  /** The one place where a watch ends. `drop`: queued batches are not delivered any more. */
  #finish(end: Exclude<End, { kind: 'open' }>, drop: boolean): void {
    if (drop) this.#queue.clear();
    if (this.#end.kind !== 'open') {
      // The consumer closes the watch after a failure: it will not fetch the error.
      if (drop && end.kind === 'done') this.#end = end;
      return;
    }
    this.#end = end;
    this.#release();
    removeAbortListener(this.#options.signal, this.#onAbort);
    this.#closed = this.#driver?.close().catch((error: unknown) => {
      this.#options.logger.error(`the driver failed to close a watch: ${messageOf(error)}`, { error });
    });
    this.#transition(end.kind === 'error' ? { status: 'closed', error: end.error } : { status: 'closed' });
    this.#settleReady.reject(
      end.kind === 'error' ? end.error : new StoreError('closed', 'the watch was closed before it was established'),
    );
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter !== undefined) {
      if (end.kind === 'error') {
        this.#end = { kind: 'done' };
        waiter.reject(end.error);
      } else {
        waiter.resolve({ done: true, value: undefined });
      }
    }
    this.#options.onEnd(this);
  }

  #transition(next: WatchState): void {
    const previous = this.#state;
    if (previous.status === 'closed') return;
    this.#state = next;
    this.#options.onState?.(next, previous);
    const report = (error: unknown) => {
      this.#options.logger.error(`a state listener of a watch failed: ${messageOf(error)}`, { error });
    };
    for (const listener of [...this.#listeners]) {
      try {
        handleRejection(listener(next), report);
      } catch (error) {
        report(error);
      }
    }
  }

  readonly #onAbort = (): void => {
    const cause: unknown = this.#options.signal?.reason;
    void this.end(new StoreError('aborted', 'the watch was aborted by its signal', { cause }));
  };
}
