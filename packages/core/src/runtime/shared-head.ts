import { type Bookmark, type Clock, isStoreError } from '@holdfast/store';
import { monotonicMs } from '@holdfast/store/adapter';
import { CommonTimer } from '../util/common-timer.js';
import { type PerStore, perStore } from '../util/per-store.js';
import { beginMark, type Mark } from './freshness.js';

/** One of those who use the head that any of them has read. */
export interface HeadUser {
  /** The revision that it reflects. */
  readonly revision: number;
}

/** The store's head, by a linearizable read that began at the mark. */
export interface Head {
  readonly mark: Mark;
  readonly bookmark: Bookmark;
  /** Whether no user knew of a later revision when the read began: then the store has not gone back. */
  readonly isAhead: boolean;
  /** Those of whom that is known. */
  readonly users: ReadonlySet<HeadUser>;
}

interface Reading {
  /** Milliseconds, by the monotonic clock. */
  readonly began: number;
  readonly result: Promise<Head>;
  /** Once it is there. */
  head: Head | undefined;
}

/**
 * One read of a store's head for all of its mirrors: it proves the same to each. Without that a thousand idle mirrors would make
 * a hundred reads a second.
 */
export class SharedHead {
  /** For those who use it in turn, so that what one of them reads is recent for the others. */
  readonly timer: CommonTimer;
  readonly #clock: Clock;
  readonly #users = new Set<HeadUser>();
  #latest: Reading | undefined;

  static readonly of: PerStore<SharedHead> = perStore((clock) => new SharedHead(clock));

  private constructor(clock: Clock) {
    this.#clock = clock;
    this.timer = new CommonTimer(clock);
  }

  join(user: HeadUser): void {
    this.#users.add(user);
  }

  leave(user: HeadUser): void {
    this.#users.delete(user);
    if (this.#users.size === 0) this.#latest = undefined;
  }

  /** What is there by a read that began at most `maxAgeMs` ago. */
  recent(maxAgeMs: number): Head | undefined {
    return this.#reading(maxAgeMs)?.head;
  }

  /**
   * The head by a read that began at most `maxAgeMs` ago; else by one that begins now, which is made with `read`.
   *
   * @returns `undefined` where another user's permissions were not enough for it, which says nothing of one's own
   */
  async read(maxAgeMs: number, read: () => Promise<Bookmark>): Promise<Head | undefined> {
    const reading = this.#reading(maxAgeMs);
    if (reading === undefined) return this.#begin(read);
    try {
      return await reading.result;
    } catch (error) {
      if (isStoreError(error, 'permission-denied')) return undefined;
      // Whoever had begun it has closed.
      if (isStoreError(error, 'aborted')) return this.read(maxAgeMs, read);
      throw error;
    }
  }

  #reading(maxAgeMs: number): Reading | undefined {
    const age = this.#now() - (this.#latest?.began ?? 0);
    // A clock that stands in for a monotonic one may have been set back.
    return age >= 0 && age <= maxAgeMs ? this.#latest : undefined;
  }

  #begin(read: () => Promise<Bookmark>): Promise<Head> {
    const mark = beginMark(this.#clock);
    const users = new Set(this.#users);
    let floor = 0;
    for (const { revision } of users) floor = Math.max(floor, revision);
    const result = read().then((bookmark) => {
      reading.head = { mark, bookmark, isAhead: bookmark.revision >= floor, users };
      return reading.head;
    });
    const reading: Reading = { began: this.#now(), result, head: undefined };
    this.#latest = reading;
    result.catch(() => {
      if (this.#latest === reading) this.#latest = undefined;
    });
    return result;
  }

  #now(): number {
    return monotonicMs(this.#clock);
  }
}
