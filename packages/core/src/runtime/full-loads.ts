import { type PerStore, perStore } from '../util/per-store.js';
import { Turns } from '../util/turns.js';

/** How many mirrors of one store read everything at the same time. */
const MOST_AT_ONCE = 4;
/** An answer that takes so much longer than the line alone does shows a busy server, in milliseconds. */
const SLOW_MS = 300;
/** No line alone takes longer than this, in milliseconds: a server whose quickest answer did was never seen but busy. */
const LONGEST_LINE_MS = 500;

/**
 * The reads of a whole range that a store's mirrors make. Each costs the server its whole range: so there are few of them at a time, and
 * where the server is busy one at a time.
 */
export class FullLoads {
  /** The mirrors of a store that read everything. */
  readonly turns = new Turns(MOST_AT_ONCE);
  /** Those of them that found the server busy. */
  readonly cautious = new Turns(1);
  /** The quickest answer to a small read, in milliseconds. */
  #quickestMs: number | undefined;

  static readonly of: PerStore<FullLoads> = perStore(() => new FullLoads());

  /** A small read was answered: to be called before {@link isSlow} judges it. */
  answered(tookMs: number): void {
    this.#quickestMs = Math.min(this.#quickestMs ?? LONGEST_LINE_MS, tookMs);
  }

  /** Whether an answer that took so long shows a busy server: a line alone may be long too. */
  isSlow(tookMs: number): boolean {
    return tookMs >= SLOW_MS + (this.#quickestMs ?? 0);
  }
}
