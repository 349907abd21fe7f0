import type { StoreError } from '@holdfast/store';
import type { DriverWatch, DriverWatchOptions, KeyRange, WatchSink } from '@holdfast/store/adapter';
import { type Interval, toInterval } from '../data/byte-string.js';
import type { Version } from '../data/key-history.js';
import { PROGRESS_BYTES, eventBatch, isWanted, progressBatch } from './events.js';
import type { WatchHub } from './hub.js';
import { type WatchScope, watchScope } from './watcher-index.js';

/** The state of a watch. Only live ones are in the hub's index, and get changes as they are made. */
type State =
  /** Not established: at the beginning, and after an interruption. `resumed`: whether the consumer has room. */
  | { readonly status: 'waiting'; readonly resumed: boolean }
  /** Reads history up to the head, a part at a time. */
  | { readonly status: 'behind' }
  | { readonly status: 'live'; readonly pending: Version[] }
  /** The consumer's budget is used up: nothing is read or kept until it resumes. */
  | { readonly status: 'full' }
  | { readonly status: 'closed' };

// The least and the most changes that are read from history at once.
const MIN_PART = 16;
const MAX_PART = 4_096;

/**
 * Follows one range. It keeps only its position, so a slow consumer costs the store nothing. When the consumer has room again,
 * the watcher reads from history what it missed, unless that was compacted meanwhile.
 */
export class Watcher implements DriverWatch {
  readonly scope: WatchScope;
  readonly #hub: WatchHub;
  readonly #interval: Interval;
  readonly #options: DriverWatchOptions;
  readonly #sink: WatchSink;
  /** The identity of the followed history. */
  readonly #identity: string;
  #state: State = { status: 'waiting', resumed: true };
  /** Everything up to and including this revision was handled. */
  #position: number;
  /** The revision of the consumer's last bookmark. */
  #told: number;
  /** How many changes to read from history at once: a little more than the consumer took the last time. */
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

  /** Begins to follow, or goes on after an interruption, if the history is still the same. */
  establish(): void {
    if (this.#state.status !== 'waiting') return;
    const refused = this.#hub.refusal(this.#position, this.#identity);
    if (refused !== undefined) {
      this.#fail(refused);
      return;
    }
    const { resumed } = this.#state;
    this.#to({ status: resumed ? 'behind' : 'full' });
    const { revision: head } = this.#hub.bookmark(this.#hub.history.head);
    this.#sink.established(this.#hub.bookmark(this.#position), head);
    this.catchUp();
  }

  /**
   * Stops following until it is established again. `rewind`: the history is being replaced, so the watch falls back to the
   * consumer's bookmark. Otherwise it keeps its position, which may be further.
   */
  interrupt(cause: StoreError, rewind: boolean): void {
    const state = this.#state;
    if (rewind) this.#position = this.#told;
    if (state.status === 'closed' || state.status === 'waiting') return;
    if (state.status === 'live' && !rewind) {
      // Changes that were noted and not pushed are read again.
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

  /** Reads history up to the head, in parts that don't hold up the process. */
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

  /** Notes a new change in the range. */
  note(change: Version): void {
    if (this.#state.status !== 'live' || !isWanted(change, this.#options)) return;
    this.#state.pending.push(change);
    if (this.#state.pending.length === 1) this.#hub.flushSoon(this);
  }

  /** Pushes the noted changes. */
  flush(): void {
    if (this.#state.status !== 'live') return;
    const { pending } = this.#state;
    this.#state = { status: 'live', pending: [] };
    this.#pushAll(pending);
  }

  /** Pushes progress: the consumer has everything up to the head. */
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
   * Pushes changes, one batch for each revision, until the consumer's budget is used up or it closes the watch. Moves the position
   * so far. Returns how many of the changes were handled.
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
