import { CompactedError, StoreError, type Bookmark, type Clock, type Revision, type WatchBatch } from '@holdfast/store';
import {
  Backoff,
  type DriverWatch,
  type DriverWatchOptions,
  inNextTurn,
  type KeyRange,
  monotonicMs,
  nextTurn,
  toStoreError,
  type WatchSink,
} from '@holdfast/store/adapter';
import { batchesOf, PROGRESS_BYTES } from './batches.js';
import type { Bell } from './bell.js';
import type { Changes, ChangeSource } from './changes.js';
import { checkEvents, checkHead, checkSnapshot } from './check-changes.js';

/** Shared by all watches of a driver. */
export interface FollowerOptions {
  readonly source: ChangeSource;
  readonly bell: Bell;
  readonly clock: Clock;
  readonly pollMs: number;
  readonly progressMs: number;
}

/**
 * One watch. It looks, pushes what it finds, and waits for the doorbell or its own time: one look at a time, so that events come in order. It
 * keeps its position alone, so a consumer that falls behind costs nothing.
 */
export class Follower implements DriverWatch {
  readonly #options: FollowerOptions;
  readonly #range: KeyRange;
  readonly #watch: DriverWatchOptions;
  readonly #sink: WatchSink;
  readonly #closing = new AbortController();
  readonly #backoff: Backoff;
  /** Everything up to and including it was handled. Unknown until the first look of a watch that begins now. */
  #position: Bookmark | undefined;
  /** The revision of the consumer's last bookmark. */
  #told = 0;
  #toldAt = 0;
  #established = false;
  #full = false;
  /** Somebody rang while a look was on its way. */
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(options: FollowerOptions, range: KeyRange, watch: DriverWatchOptions, sink: WatchSink) {
    this.#options = options;
    this.#range = range;
    this.#watch = watch;
    this.#sink = sink;
    this.#position = watch.after;
    this.#told = watch.after?.revision ?? 0;
    this.#backoff = new Backoff({ maxMs: options.pollMs });
    // Nothing may be told before the caller has the watch.
    inNextTurn(() => void this.#run());
  }

  resume(): void {
    this.#full = false;
    this.#ring();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#closing.abort(new StoreError('closed', 'the watch was closed'));
    this.#ring();
    await this.#options.bell.leave(this.#ring);
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #run(): Promise<void> {
    // Listens first and looks second: what changes in between has rung.
    if (!this.#isClosed) await this.#options.bell.join(this.#ring);
    while (!this.#isClosed) {
      this.#rung = false;
      const waitMs = await this.#step();
      if (!this.#isClosed && waitMs > 0 && !this.#rung) await this.#wait(waitMs);
    }
    // Closed while it began to listen.
    await this.#options.bell.leave(this.#ring);
  }

  /** Looks once. Gives how long to wait for the doorbell before the next look. */
  async #step(): Promise<number> {
    try {
      const waitMs = await (this.#full ? this.#lookWhileFull() : this.#look());
      this.#backoff.reset();
      return waitMs;
    } catch (thrown) {
      if (this.#isClosed) return 0;
      const error = toStoreError(thrown);
      if (!error.retryable) {
        this.#fail(error);
        return 0;
      }
      this.#established = false;
      this.#sink.interrupted(error);
      const pauseMs = this.#backoff.next();
      await this.#wait(pauseMs);
      return 0;
    }
  }

  async #look(): Promise<number> {
    const { source, pollMs, progressMs } = this.#options;
    const { signal } = this.#closing;
    if (this.#position === undefined) {
      const head = await source.head(signal);
      if (this.#isClosed) return 0;
      checkHead(head);
      this.#position = { revision: head.revision, identity: head.identity };
      this.#told = head.revision;
      this.#establish(this.#position);
      return 0;
    }
    const from = this.#position;
    const changes = await source.changesSince(from.revision, {
      range: this.#range,
      previous: this.#watch.previous,
      signal,
    });
    if (this.#isClosed) return 0;
    checkSnapshot(changes);
    const refused = refusalOf(changes, from);
    if (refused !== undefined) {
      this.#fail(refused);
      return 0;
    }
    checkEvents(from.revision, changes);
    if (!this.#established) this.#establish(from);
    const { head, upTo = head } = changes;
    this.#pushAll(changes, from, upTo);
    if (this.#full || this.#isClosed) return pollMs;
    if (upTo < head) {
      // A long backlog leaves others a turn after each part.
      await nextTurn();
      return 0;
    }
    const owedMs = this.#progress();
    return owedMs === 0 ? pollMs : Math.min(pollMs, progressMs, owedMs);
  }

  /** The consumer has no room: only whether the store is there is looked at. */
  async #lookWhileFull(): Promise<number> {
    const head = await this.#options.source.head(this.#closing.signal);
    if (this.#isClosed) return 0;
    checkHead(head);
    if (!this.#established && this.#position !== undefined) this.#establish(this.#position);
    return this.#options.pollMs;
  }

  #pushAll(changes: Changes, from: Bookmark, upTo: Revision): void {
    const isNew = ({ revision }: { readonly revision: Revision }) => revision > from.revision && revision <= upTo;
    const { events, undecodable = [] } = changes;
    const { only, previous } = this.#watch;
    const wanted = { range: this.#range, only, previous };
    const at = (revision: Revision): Bookmark => ({ revision, identity: from.identity });
    for (const { batch, bytes } of batchesOf(events.filter(isNew), undecodable.filter(isNew), wanted, at)) {
      this.#position = batch.bookmark;
      this.#push(batch, bytes);
      // The rest is read again when there is room.
      if (this.#full || this.#isClosed) return;
    }
    if (upTo > from.revision) this.#position = at(upTo);
  }

  /** Moves the consumer's bookmark to where the store is. Gives in how many milliseconds that is due; 0 if nothing is owed. */
  #progress(): number {
    const position = this.#position;
    if (position === undefined || position.revision <= this.#told) return 0;
    const dueMs = this.#toldAt + this.#options.progressMs - this.#now();
    if (dueMs > 0) return dueMs;
    this.#push({ kind: 'progress', bookmark: position, events: [], undecodable: [] }, PROGRESS_BYTES);
    return 0;
  }

  #push(batch: WatchBatch, bytes: number): void {
    this.#told = batch.bookmark.revision;
    this.#toldAt = this.#now();
    if (this.#sink.push(batch, bytes) === 'full') this.#full = true;
  }

  #establish(after: Bookmark): void {
    this.#established = true;
    this.#sink.established(after);
  }

  #fail(error: StoreError): void {
    this.#closing.abort(error);
    this.#sink.fail(error);
  }

  #now(): number {
    const { clock } = this.#options;
    return monotonicMs(clock);
  }

  readonly #ring = (): void => {
    this.#rung = true;
    this.#wake?.();
  };

  async #wait(ms: number): Promise<void> {
    const { clock } = this.#options;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, ms);
      this.#wake = () => {
        clock.clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
    if (!this.#isClosed) this.#options.bell.again();
  }
}

/** Why a watch can't go on from its bookmark. What `changesSince` says comes from the store itself, and not from a member that lags. */
function refusalOf({ identity, head, compacted = 0 }: Changes, from: Bookmark): StoreError | undefined {
  const next = "read everything again, and watch from that read's bookmark";
  if (identity !== from.identity) {
    return new StoreError(
      'history-changed',
      `the bookmark is of history ${from.identity}, and this is ${identity}; ${next}`,
    );
  }
  if (head < from.revision) {
    const message = `the bookmark is at revision ${from.revision}, and the store at ${head}: it was restored or wiped; ${next}`;
    return new StoreError('history-changed', message);
  }
  if (from.revision >= compacted) return undefined;
  return new CompactedError(`revision ${from.revision} is compacted: history before ${compacted} is gone; ${next}`, {
    compactRevision: compacted as Revision,
    revision: head,
  });
}
