import {
  isStoreError,
  type Bookmark,
  type StoreError,
  type Watch,
  type WatchBatch,
  type WatchEvent,
} from '@holdfast/store';
import { fail, show } from './expect.js';
import { inTime } from './patience.js';

/** How an iteration ended: normally, or with an error. */
export type WatchEnd = { readonly kind: 'done' } | { readonly kind: 'error'; readonly error: StoreError };

/** Reads a watch step by step, never further than asked, and never longer than the case's patience. */
export class WatchReader {
  readonly watch: Watch;
  /** All batches so far. */
  readonly batches: WatchBatch[] = [];
  /** The events of {@link batches}. */
  readonly events: WatchEvent[] = [];
  readonly #patienceMs: number;
  #iterator: AsyncIterator<WatchBatch> | undefined;
  #pending: Promise<IteratorResult<WatchBatch>> | undefined;

  constructor(watch: Watch, patienceMs: number) {
    this.watch = watch;
    this.#patienceMs = patienceMs;
  }

  /** The bookmark of the last batch; `undefined` before the first one. */
  get bookmark(): Bookmark | undefined {
    return this.batches.at(-1)?.bookmark;
  }

  async ready(): Promise<Bookmark> {
    return this.#inTime(this.watch.ready, 'the watch to be ready');
  }

  /** The next batch. Fails if the watch ends instead. */
  async next(what = 'a batch'): Promise<WatchBatch> {
    const result = await this.#step(what);
    return result.done === true ? fail(`waited for ${what}, but the watch ended`) : result.value;
  }

  /** Reads until the condition holds. */
  async until(what: string, condition: (reader: this) => boolean): Promise<void> {
    while (!condition(this)) await this.next(what);
  }

  /** Reads until this many events were delivered, and gives them. */
  async untilEvents(count: number): Promise<WatchEvent[]> {
    await this.until(`${count} events`, () => this.events.length >= count);
    return [...this.events];
  }

  /** Reads until an event of this key comes, and gives all events before it. Cases write such a sentinel at their end. */
  async untilKey(key: string): Promise<WatchEvent[]> {
    const isSentinel = (event: WatchEvent) => keyOf(event) === key;
    await this.until(`an event of ${key}`, () => this.events.some(isSentinel));
    return this.events.slice(0, this.events.findIndex(isSentinel));
  }

  /** Reads until the iteration is over. */
  async end(): Promise<WatchEnd> {
    for (;;) {
      try {
        if ((await this.#step('the end of the watch')).done === true) return { kind: 'done' };
      } catch (error) {
        if (isStoreError(error)) return { kind: 'error', error };
        throw error;
      }
    }
  }

  async #step(what: string): Promise<IteratorResult<WatchBatch>> {
    this.#iterator ??= this.watch[Symbol.asyncIterator]();
    this.#pending ??= this.#iterator.next();
    const result = await this.#inTime(this.#pending, what).catch((error: unknown) => {
      // A step that is only late stays pending. The next reading takes it up.
      if (!(error instanceof Error && error.name === 'ConformanceFailure')) this.#pending = undefined;
      throw error;
    });
    this.#pending = undefined;
    if (result.done !== true) {
      this.batches.push(result.value);
      for (const event of result.value.events) this.events.push(event);
    }
    return result;
  }

  #inTime<T>(promise: Promise<T>, what: string): Promise<T> {
    return inTime(promise, this.#patienceMs, () => {
      const told = show(this.events.slice(-5).map(briefly));
      return (
        `waited ${this.#patienceMs} ms for ${what}; the watch is ${show(this.watch.state)} and delivered ` +
        `${this.events.length} events in ${this.batches.length} batches: ${told}`
      );
    });
  }
}

/** The key of an event; of a `delete-range`, nothing. */
export function keyOf(event: WatchEvent): string | undefined {
  switch (event.type) {
    case 'put':
      return event.current.key;
    case 'delete':
      return event.key;
    case 'delete-range':
      return undefined;
  }
}

/** An event in short, for comparing and for messages: `put /a=1@5`. */
export function briefly(event: WatchEvent): string {
  switch (event.type) {
    case 'put':
      return `put ${event.current.key}=${new TextDecoder().decode(event.current.value)}@${event.revision}`;
    case 'delete':
      return `delete ${event.key}@${event.revision}`;
    case 'delete-range':
      return `delete-range ${JSON.stringify(event.range)}@${event.revision}`;
  }
}
