import type { DriverWatch, DriverWatchOptions, KeyRange, StoreError, WatchSink } from '@holdfast/store';
import { type Interval, toInterval } from '../data/byte-string.js';
import type { Version } from '../data/key-history.js';
import { PROGRESS_BYTES, eventBatch, isWanted, progressBatch } from './events.js';
import type { WatchHub } from './hub.js';
import { type WatchScope, watchScope } from './watcher-index.js';

/** Where a watch stands. Only a live one is in the hub's index, and told of changes as they are made. */
type State =
  /** Not established: at first, and after an interruption. `resumed`: whether the consumer has room. */
  | { readonly status: 'waiting'; readonly resumed: boolean }
  /** Reads history up to the head, a part at a time. */
  | { readonly status: 'behind' }
  | { readonly status: 'live'; readonly pending: Version[] }
  /** The consumer's budget is used up: nothing is read or kept until it resumes. */
  | { readonly status: 'full' }
  | { readonly status: 'closed' };

// How many changes are read from history at once, at least and at most.
const MIN_PART = 16;
const MAX_PART = 4_096;

/**
 * One followed range. All that it keeps is its position, so that a slow consumer costs the store nothing: what it
 * missed is read from history when it has room again, if that is not compacted by then.
 */
export class Watcher implements DriverWatch {
  readonly scope: WatchScope;
  readonly #hub: WatchHub;
  readonly #interval: Interval;
  readonly #options: DriverWatchOptions;
  readonly #sink: WatchSink;
  /** The history that is followed. */
  readonly #identity: string;
  #state: State = { status: 'waiting', resumed: true };
  /** Everything up to and including this revision was dealt with. */
  #position: number;
  /** The revision of the last bookmark that the consumer was given. */
  #told: number;
  /** How many changes to read from history at once: what the consumer took the last time, and some more. */
  #part = MAX_PART;

  constructor(hub: WatchHub, range: KeyRange, options: DriverWatchOptions, sink: WatchSink) {
    this.#hub = hub;
    this.scope = watchScope(range);
    this.#interval = toInterval(range);
    this.#options = options;
    this.#sink = sink;
    const { revision, identity } = options.after ?? hub.bookmark(hub.history.head);
    this.#identity = identity;
    this.#position = revision;
    this.#told = this.#position;
  }

  /** Begins to follow, at first or after an interruption, if the history is still the one that was followed. */
  establish(): void {
    if (this.#state.status !== 'waiting') return;
    const refused = this.#hub.refusal(this.#position, this.#identity);
    if (refused !== undefined) {
      this.#fail(refused);
      return;
    }
    const { resumed } = this.#state;
    this.#to({ status: resumed ? 'behind' : 'full' });
    this.#sink.established(this.#hub.bookmark(this.#position));
    this.catchUp();
  }

  /**
   * Stops following until it is established again. `rewind`: the history is being replaced, so the consumer's bookmark
   * is all that counts; otherwise what is known to be of no concern to it stays known.
   */
  interrupt(cause: StoreError, rewind: boolean): void {
    const state = this.#state;
    if (rewind) this.#position = this.#told;
    if (state.status === 'closed' || state.status === 'waiting') return;
    if (state.status === 'live' && !rewind) {
      // What was noted and not pushed is read again.
      const [first] = state.pending;
      this.#position = first === undefined ? this.#hub.history.head : first.modRevision - 1;
    }
    this.#to({ status: 'waiting', resumed: state.status !== 'full' });
    this.#sink.interrupted(cause);
  }

  resume(): void {
    if (this.#state.status === 'waiting') this.#to({ status: 'waiting', resumed: true });
    if (this.#state.status !== 'full') return;
    this.#to({ status: 'behind' });
    this.#hub.soon(() => {
      this.catchUp();
    });
  }

  async close(): Promise<void> {
    this.#to({ status: 'closed' });
  }

  /** Reads history, as much as does not hold up the process, until the head is reached. */
  catchUp(): void {
    if (this.#state.status !== 'behind') return;
    const { history } = this.#hub;
    const refused = this.#hub.refusal(this.#position, this.#identity);
    if (refused !== undefined) {
      this.#fail(refused);
      return;
    }
    const { changes, upTo } = history.backlog(this.#interval, this.#position, this.#part);
    const pushed = this.#pushAll(changes);
    this.#part = Math.min(Math.max(MIN_PART, 2 * pushed), MAX_PART);
    if (!this.#isFollowing()) return;
    this.#position = upTo;
    if (upTo < history.head) {
      this.#hub.later(() => {
        this.catchUp();
      });
    } else {
      this.#to({ status: 'live', pending: [] });
      if (this.#told < upTo) this.#hub.moved();
    }
  }

  /** Notes a change that was just made in the range. */
  note(change: Version): void {
    if (this.#state.status !== 'live' || !isWanted(change, this.#options)) return;
    this.#state.pending.push(change);
    if (this.#state.pending.length === 1) this.#hub.flushSoon(this);
  }

  /** Pushes what was noted. */
  flush(): void {
    if (this.#state.status !== 'live') return;
    const { pending } = this.#state;
    this.#state = { status: 'live', pending: [] };
    this.#pushAll(pending);
  }

  /** Tells the consumer that the range is complete up to the head. */
  progress(): void {
    if (this.#state.status !== 'live') return;
    this.flush();
    const { head } = this.#hub.history;
    if (this.#state.status !== 'live' || this.#told >= head) return;
    this.#told = head;
    this.#position = head;
    if (this.#sink.push(progressBatch(this.#hub.bookmark(head)), PROGRESS_BYTES) === 'full')
      this.#to({ status: 'full' });
  }

  /**
   * Pushes changes, a batch for each revision, until the consumer's budget is used up or it closes the watch; the
   * position is then where that was. Returns how many of the changes were dealt with.
   */
  #pushAll(changes: readonly Version[]): number {
    let i = 0;
    while (i < changes.length && this.#isFollowing()) {
      const revision = changes[i]?.modRevision ?? 0;
      const batch: Version[] = [];
      for (; changes[i]?.modRevision === revision; i++) {
        const change = changes[i] as Version;
        if (isWanted(change, this.#options)) batch.push(change);
      }
      this.#position = revision;
      if (batch.length > 0) this.#push(batch, revision);
    }
    return i;
  }

  #push(changes: readonly Version[], revision: number): void {
    const { batch, bytes } = eventBatch(changes, this.#hub.bookmark(revision), this.#options, this.#hub.entries);
    this.#told = revision;
    if (this.#sink.push(batch, bytes) === 'full') this.#to({ status: 'full' });
  }

  #isFollowing(): boolean {
    return this.#state.status === 'behind' || this.#state.status === 'live';
  }

  #fail(error: StoreError): void {
    this.#to({ status: 'closed' });
    this.#sink.fail(error);
  }

  #to(next: State): void {
    if (this.#state.status === 'closed') return;
    const wasLive = this.#state.status === 'live';
    this.#state = next;
    if (wasLive !== (next.status === 'live')) {
      if (wasLive) this.#hub.leave(this);
      else this.#hub.join(this);
    }
    if (next.status === 'closed') this.#hub.forget(this);
  }
}
