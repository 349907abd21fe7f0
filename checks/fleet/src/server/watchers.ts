import type { StoreError } from '@holdfast/store';
import type { SimClock } from '@holdfast/simulation';
import { type Group, type History, weightOf } from './history.js';
import { MODEL } from './model-timers.js';
import type { Processor } from './processor.js';
import type { Tariff } from './tariff.js';

/** What a watcher's client is told, in order. */
export interface WatcherHandlers {
  readonly created: (head: number) => void;
  readonly groups: (groups: readonly Group[]) => void;
  readonly progress: (revision: number) => void;
  readonly compacted: (error: StoreError) => void;
}

/** How many watchers etcd brings up to date by one scan, and how long it waits before the next one. In milliseconds. */
const WATCHERS_AT_ONCE = 512;
const SYNC_MS = 100;

/** A watch of one client at the server. */
export class Watcher {
  readonly handlers: WatcherHandlers;
  /** The first revision that it still has to be sent. */
  next: number;
  readonly outbox: (readonly Group[])[] = [];
  isSending = false;
  isOpen = true;

  constructor(next: number, handlers: WatcherHandlers) {
    this.next = next;
    this.handlers = handlers;
  }
}

export interface WatchersOptions {
  readonly clock: SimClock;
  readonly history: History;
  readonly processor: Processor;
  readonly tariff: Tariff;
}

/**
 * The watches of the server, as etcd has them: those that follow get each revision when it is committed; those that are behind wait for a
 * scan that up to 512 of them share.
 */
export class Watchers {
  readonly #options: WatchersOptions;
  readonly #following = new Set<Watcher>();
  readonly #behind = new Set<Watcher>();
  #life = 0;
  #isSyncing = false;
  #lastBehind = 0;

  constructor(options: WatchersOptions) {
    this.#options = options;
  }

  add(watcher: Watcher): void {
    const { history } = this.#options;
    if (watcher.next > history.head) this.#following.add(watcher);
    else {
      this.#behind.add(watcher);
      this.#syncIn(SYNC_MS);
    }
  }

  remove(watcher: Watcher): void {
    watcher.isOpen = false;
    this.#following.delete(watcher);
    this.#behind.delete(watcher);
  }

  /** Sends a committed revision to all that follow. */
  notify(group: Group): void {
    for (const watcher of this.#following) {
      watcher.next = group.bookmark.revision + 1;
      this.#send(watcher, [group]);
    }
  }

  /** Answers only if the watcher has been sent everything, as etcd does. */
  progress(watcher: Watcher): void {
    const { history } = this.#options;
    if (this.#following.has(watcher) && !watcher.isSending) watcher.handlers.progress(history.head);
  }

  reset(): void {
    this.#life += 1;
    this.#following.clear();
    this.#behind.clear();
    this.#isSyncing = false;
  }

  #syncIn(ms: number): void {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    const life = this.#life;
    this.#options.clock.set(
      MODEL,
      () => {
        if (life === this.#life) this.#sync(life);
      },
      ms,
    );
  }

  #sync(life: number): void {
    const { clock, history, processor, tariff } = this.#options;
    const chosen = [...this.#behind].slice(0, WATCHERS_AT_ONCE);
    for (const watcher of chosen.filter(({ next }) => next < history.compacted)) {
      this.remove(watcher);
      watcher.handlers.compacted(history.lost());
    }
    const served = chosen.filter(({ isOpen }) => isOpen);
    const from = Math.min(...served.map(({ next }) => next));
    const began = clock.now;
    processor.run(tariff.replay(weightOf(history.since(from))), () => {
      if (life !== this.#life) return;
      for (const watcher of served) {
        if (!watcher.isOpen) continue;
        this.#behind.delete(watcher);
        this.#following.add(watcher);
        const groups = history.since(watcher.next);
        watcher.next = history.head + 1;
        if (groups.length > 0) this.#send(watcher, groups);
      }
      this.#isSyncing = false;
      const left = this.#behind.size;
      // While there are more, and fewer than before, etcd rests only as long as the scan took.
      if (left > 0) this.#syncIn(left < this.#lastBehind ? Math.min(SYNC_MS, clock.now - began) : SYNC_MS);
      this.#lastBehind = left;
    });
  }

  #send(watcher: Watcher, groups: readonly Group[]): void {
    watcher.outbox.push(groups);
    if (!watcher.isSending) this.#sendNext(watcher);
  }

  /** One response after the other. */
  #sendNext(watcher: Watcher): void {
    const groups = watcher.outbox.shift();
    watcher.isSending = groups !== undefined;
    if (groups === undefined) return;
    const { processor, tariff } = this.#options;
    processor.run(tariff.response(weightOf(groups)), () => {
      if (!watcher.isOpen) return;
      watcher.handlers.groups(groups);
      this.#sendNext(watcher);
    });
  }
}
