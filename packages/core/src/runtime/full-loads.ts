import type { Clock } from '@holdfast/store';
import { type PerStore, perStore } from '../util/per-store.js';
import { Turns } from '../util/turns.js';

/** How many mirrors of one store read everything at the same time. */
const MOST_AT_ONCE = 4;
/** An answer that takes so much longer than the line alone does shows a busy server, in milliseconds. */
const SLOW_MS = 300;
/** No line alone takes longer than this, in milliseconds: a server whose quickest answer did was never seen but busy. */
const LONGEST_LINE_MS = 500;
/** The quickest of so many answers is taken for the line. */
const LATEST = 16;

/**
 * The reads of a whole range that a store's mirrors make. Each costs the server its whole range: so there are few of them at a time, and
 * where the server is busy one at a time.
 */
export class FullLoads {
  /** The mirrors of a store that read everything. */
  readonly turns: Turns;
  /** Those of them that found the server busy. */
  readonly cautious: Turns;
  /** How long the latest answers to small reads took, in milliseconds. */
  readonly #latestMs: number[] = [];

  static readonly of: PerStore<FullLoads> = perStore((clock) => new FullLoads(clock));

  constructor(clock: Clock) {
    this.turns = new Turns(MOST_AT_ONCE, clock);
    this.cautious = new Turns(1, clock);
  }

  /** A small read was answered: to be called before {@link isSlow} judges it. */
  answered(tookMs: number): void {
    this.#latestMs.push(tookMs);
    // The line may have become longer for good, as after a failover: what was quick once does not count for ever.
    if (this.#latestMs.length > LATEST) this.#latestMs.shift();
  }

  /** Whether an answer that took so long shows a busy server: a line alone may be long too. */
  isSlow(tookMs: number): boolean {
    const lineMs = this.#latestMs.length === 0 ? 0 : Math.min(LONGEST_LINE_MS, ...this.#latestMs);
    return tookMs >= SLOW_MS + lineMs;
  }
}
