import type { Bookmark, Clock, Logger } from '@holdfast/store';
import {
  addAbortListener,
  checkFlag,
  checkNames,
  checkSignal,
  invalidArgument,
  removeAbortListener,
} from '@holdfast/store/adapter';
import type { AnyChange, ChangeEvent } from './change.js';
import { ChangeStream } from './change-stream.js';
import { Debounce } from './debounce.js';
import { Events, guardListener } from './events.js';

export interface SubscribeOptions {
  /** Begin with what is there, as one event of cause `'load'`, also if that is nothing; then what changes, without a gap. */
  readonly replay?: boolean | undefined;
  /** Wait until nothing has changed for so many milliseconds (at most ten times that), and deliver the net changes. */
  readonly debounceMs?: number | undefined;
  /** Ends the subscription. */
  readonly signal?: AbortSignal | undefined;
}

export interface ChangesOptions {
  /** Begin with what is there, as one event of cause `'load'`, also if that is nothing. */
  readonly replay?: boolean | undefined;
  /** Ends the iteration with an `aborted` error. */
  readonly signal?: AbortSignal | undefined;
}

export type ChangeListener<C> = (event: ChangeEvent<C>) => unknown;

/** What is there, as changes from nothing. */
export interface Snapshot<C> {
  readonly bookmark: Bookmark;
  readonly version: number;
  readonly changes: readonly C[];
}

export interface FeedSource<C> {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The present content; `undefined` before the load. */
  snapshot(): Snapshot<C> | undefined;
}

/** Where the changes of a mirror, or of one of its collections, go: listeners, subscriptions and iterations. */
export class ChangeFeed<C extends AnyChange> {
  readonly #source: FeedSource<C>;
  readonly #events: Events<{ change: [ChangeEvent<C>] }>;
  readonly #streams = new Set<ChangeStream<C>>();
  readonly #debounced = new Set<Debounce<C>>();
  #closed = false;

  constructor(source: FeedSource<C>) {
    this.#source = source;
    this.#events = new Events(source.logger);
  }

  /** Whether anyone would get what is published. */
  get isHeard(): boolean {
    return this.#events.count('change') > 0 || this.#streams.size > 0;
  }

  /** @param event with at least one change; not to be changed any more */
  publish(event: ChangeEvent<C>): void {
    this.#events.emit('change', event);
    for (const stream of this.#streams) stream.push(event);
  }

  on(listener: ChangeListener<C>): void {
    if (!this.#closed) this.#events.on('change', listener);
  }

  once(listener: ChangeListener<C>): void {
    if (!this.#closed) this.#events.once('change', listener);
  }

  off(listener: ChangeListener<C>): void {
    this.#events.off('change', listener);
  }

  subscribe(listener: ChangeListener<C>, options?: SubscribeOptions): () => void {
    // A function of its own, so that a listener which is subscribed twice is two subscriptions.
    const deliver = guardListener(this.#source.logger, listener);
    const { replay, debounceMs, signal } = checkSubscribe(options, ['replay', 'debounceMs', 'signal'], 'subscribe()');
    if (replay === true) this.#replayTo(deliver);
    if (this.#closed || signal?.aborted === true) return () => undefined;
    const debounce =
      debounceMs === undefined || debounceMs <= 0
        ? undefined
        : new Debounce<C>(this.#source.clock, debounceMs, deliver);
    const registered =
      debounce === undefined
        ? deliver
        : (event: ChangeEvent<C>) => {
            debounce.add(event);
          };
    const unsubscribe = () => {
      removeAbortListener(signal, unsubscribe);
      this.#events.off('change', registered);
      if (debounce === undefined) return;
      debounce.cancel();
      this.#debounced.delete(debounce);
    };
    this.#events.on('change', registered);
    if (debounce !== undefined) this.#debounced.add(debounce);
    addAbortListener(signal, unsubscribe);
    return unsubscribe;
  }

  changes(options?: ChangesOptions): AsyncIterableIterator<ChangeEvent<C>> {
    const { replay, signal } = checkSubscribe(options, ['replay', 'signal'], 'changes()');
    const stream: ChangeStream<C> = new ChangeStream(signal, () => this.#streams.delete(stream));
    if (replay === true) {
      this.#replayTo((event) => {
        stream.push(event);
      });
    }
    if (this.#closed) stream.end();
    else if (signal?.aborted !== true) this.#streams.add(stream);
    return stream;
  }

  /** Delivers what is still held back, and lets go of everyone. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const debounce of this.#debounced) debounce.flush();
    this.#debounced.clear();
    for (const stream of this.#streams) stream.end();
    this.#events.clear();
  }

  #replayTo(deliver: (event: ChangeEvent<C>) => void): void {
    const snapshot = this.#source.snapshot();
    if (snapshot !== undefined) deliver({ ...snapshot, cause: 'load' });
  }
}

function checkSubscribe(options: unknown, names: readonly string[], what: string): SubscribeOptions {
  const given = checkNames(options, names, what);
  const { debounceMs, signal } = given;
  if (debounceMs !== undefined && !(typeof debounceMs === 'number' && debounceMs >= 0 && debounceMs < 2 ** 31)) {
    throw invalidArgument('debounceMs must be a number of milliseconds from 0 and below 2^31');
  }
  checkSignal(signal);
  return { replay: checkFlag(given, 'replay'), debounceMs, signal };
}
