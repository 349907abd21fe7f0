import { type Bookmark, type Clock, type ConfigStore, isStoreError } from '@holdfast/store';
import { CommonTimer } from '../util/common-timer.js';
import { beginMark, type Mark } from './freshness.js';

/** A mirror that shares reads of the head. */
export interface HeadUser {
  /** The mirror's revision. */
  readonly revision: number;
}

/** The store's head, from a linearizable read that began at the mark. */
export interface Head {
  readonly mark: Mark;
  readonly bookmark: Bookmark;
  /** Whether no user had a later revision when the read began. Then the store has not gone back. */
  readonly isAhead: boolean;
  /** The users at that moment. */
  readonly users: ReadonlySet<HeadUser>;
}

interface Reading {
  /** Milliseconds, by the monotonic clock. */
  readonly began: number;
  readonly result: Promise<Head>;
  /** Set when the read has succeeded. */
  head: Head | undefined;
}

const heads = new WeakMap<ConfigStore, WeakMap<Clock, SharedHead>>();

/**
 * Shares reads of a store's head among all of its mirrors: one read proves the same to each. Without it a thousand idle mirrors would
 * make a hundred reads per second.
 */
export class SharedHead {
  /** Wakes the users together, so that one user's read is recent for the others. */
  readonly timer: CommonTimer;
  readonly #clock: Clock;
  readonly #users = new Set<HeadUser>();
  #latest: Reading | undefined;

  private constructor(clock: Clock) {
    this.#clock = clock;
    this.timer = new CommonTimer(clock);
  }

  static of(store: ConfigStore, clock: Clock): SharedHead {
    const byClock = heads.get(store) ?? new WeakMap<Clock, SharedHead>();
    const head = byClock.get(clock) ?? new SharedHead(clock);
    heads.set(store, byClock.set(clock, head));
    return head;
  }

  join(user: HeadUser): void {
    this.#users.add(user);
  }

  leave(user: HeadUser): void {
    this.#users.delete(user);
    if (this.#users.size === 0) this.#latest = undefined;
  }

  /** The head of a read that began at most `maxAgeMs` ago and has succeeded. */
  recent(maxAgeMs: number): Head | undefined {
    return this.#reading(maxAgeMs)?.head;
  }

  /**
   * The head of a read that began at most `maxAgeMs` ago, or else of a new one, made with `read`.
   *
   * @returns `undefined` if another user's permissions were not enough: the caller's own may be
   */
  async read(maxAgeMs: number, read: () => Promise<Bookmark>): Promise<Head | undefined> {
    const reading = this.#reading(maxAgeMs);
    if (reading === undefined) return this.#begin(read);
    try {
      return await reading.result;
    } catch (error) {
      if (isStoreError(error, 'permission-denied')) return undefined;
      // The mirror that began the read has closed.
      if (isStoreError(error, 'aborted')) return this.read(maxAgeMs, read);
      throw error;
    }
  }

  #reading(maxAgeMs: number): Reading | undefined {
    const age = this.#now() - (this.#latest?.began ?? 0);
    // A clock without a monotonic time may have been set back.
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
    return this.#clock.monotonic?.() ?? this.#clock.now();
  }
}
