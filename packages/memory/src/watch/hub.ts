import { compactedError } from '@holdfast/adapter-kit';
import type { Bookmark, Clock, StoreError, TimerHandle } from '@holdfast/store';
import type { DriverWatchOptions, KeyRange, WatchSink } from '@holdfast/store/adapter';
import { inNextTurn, inThisTurn } from '@holdfast/store/adapter';
import { type Entries, asRevision } from '../entries/entries.js';
import { historyChanged } from '../errors.js';
import type { Version } from '../data/key-history.js';
import type { Mvcc } from '../data/mvcc.js';
import { Watcher } from './watcher.js';
import { WatcherIndex } from './watcher-index.js';

export interface WatchHubOptions {
  readonly clock: Clock;
  /** How long an idle watch's bookmark may lag behind the head, in milliseconds. */
  readonly progressIntervalMs: number;
  readonly entries: Entries;
  readonly history: () => Mvcc;
  readonly identity: () => string;
}

/** All watches of all handles. It decides which of them get a change, and when. */
export class WatchHub {
  readonly #options: WatchHubOptions;
  readonly #watchers = new Set<Watcher>();
  readonly #live = new Set<Watcher>();
  readonly #index = new WatcherIndex<Watcher>();
  #dirty: Watcher[] = [];
  #progressTimer: TimerHandle;
  /** While positive, no watch is established. */
  #outages = 0;

  constructor(options: WatchHubOptions) {
    this.#options = options;
  }

  get entries(): Entries {
    return this.#options.entries;
  }

  get history(): Mvcc {
    return this.#options.history();
  }

  /** The number of open watches, whatever their state. */
  get size(): number {
    return this.#watchers.size;
  }

  bookmark(revision: number): Bookmark {
    return { revision: asRevision(revision), identity: this.#options.identity() };
  }

  watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): Watcher {
    const watcher = new Watcher(this, range, options, sink);
    this.#watchers.add(watcher);
    if (this.#outages === 0) {
      this.soon(() => {
        if (this.#outages === 0) watcher.establish();
      });
    }
    return watcher;
  }

  /**
   * Why a watch can't go on from a revision; `undefined` if it can. Nothing after the revision is lost as long as no compaction
   * passed it: everything that a compaction at R forgets was replaced or deleted at or before R.
   */
  refusal(position: number, identity: string): StoreError | undefined {
    const { head, compactRevision } = this.history;
    const own = this.#options.identity();
    if (identity !== own) return historyChanged(`the bookmark is of history ${identity}, and this is ${own}`);
    if (position > head) {
      return historyChanged(
        `the bookmark is at revision ${position}, and the store at ${head}: it was restored or wiped`,
      );
    }
    return position < compactRevision ? compactedError(position, compactRevision, head) : undefined;
  }

  /** Notes new changes for live watches. They are delivered after the write has returned. */
  publish(changes: readonly Version[]): void {
    if (this.#live.size === 0) return;
    for (const change of changes) {
      this.#index.match(change.history.key, (watcher) => {
        watcher.note(change);
      });
    }
    this.moved();
  }

  flushSoon(watcher: Watcher): void {
    if (this.#dirty.push(watcher) > 1) return;
    this.soon(() => {
      const dirty = this.#dirty;
      this.#dirty = [];
      for (const one of dirty) one.flush();
    });
  }

  /** To be called when bookmarks may be behind the head. It starts the timer for progress: nothing runs while the store is idle. */
  moved(): void {
    if (this.#progressTimer !== undefined || this.#live.size === 0) return;
    this.#progressTimer = this.#options.clock.setTimeout(() => {
      this.#progressTimer = undefined;
      for (const watcher of [...this.#live]) watcher.progress();
    }, this.#options.progressIntervalMs);
  }

  join(watcher: Watcher): void {
    this.#live.add(watcher);
    this.#index.add(watcher.scope, watcher);
  }

  leave(watcher: Watcher): void {
    this.#live.delete(watcher);
    this.#index.remove(watcher.scope, watcher);
    if (this.#live.size > 0 || this.#progressTimer === undefined) return;
    this.#options.clock.clearTimeout(this.#progressTimer);
    this.#progressTimer = undefined;
  }

  forget(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  /** Interrupts all watches, as a lost connection would, until the returned function is called. */
  interrupt(cause: StoreError, { rewind = false } = {}): () => void {
    this.#outages += 1;
    let over = false;
    for (const watcher of [...this.#watchers]) watcher.interrupt(cause, rewind);
    return () => {
      if (over) return;
      over = true;
      this.#outages -= 1;
      this.soon(() => {
        if (this.#outages > 0) return;
        for (const watcher of [...this.#watchers]) watcher.establish();
      });
    };
  }

  /** Runs `action` in this turn of the event loop, after the present call. */
  soon(action: () => void): void {
    inThisTurn(action);
  }

  /** Runs `action` in the next turn of the event loop. */
  later(action: () => void): void {
    inNextTurn(action);
  }
}
