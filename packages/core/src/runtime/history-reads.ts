import { type Clock, isStoreError } from '@holdfast/store';
import { abortable, sleep } from '@holdfast/store/adapter';
import { Lock } from '../util/lock.js';
import { type PerStore, perStore } from '../util/per-store.js';

/** After how many time-outs in a row the store is left alone for a while. */
const MOST_LATE = 2;
/** A read gets at most this many times as long as the first one. */
const LONGEST = 16;

/**
 * The reads of the past that the history checks of a store's mirrors make (M8). A server may walk a whole range for each: so there is
 * one at a time, one that was not answered in time gets twice as long, and a store that answers none is left alone by all mirrors, until it answers
 * something else quickly: then it was not too busy, but could not be reached.
 */
export class HistoryReads {
  readonly #clock: Clock;
  readonly #lock = new Lock();
  #late = 0;
  /** Whether a pause ended early, no read was answered since, and small ones are quick all the same: such reads alone take the store too long. */
  #wasMistaken = false;

  static readonly of: PerStore<HistoryReads> = perStore((clock) => new HistoryReads(clock));

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs a read when it is its turn.
   *
   * @param timeoutMs how long the first attempt may take, in milliseconds
   * @param read is given how long it may take
   * @param isQuick whether the store answers a small read quickly
   * @throws StoreError what the read fails with, or the signal's reason
   */
  run<T>(
    timeoutMs: number,
    signal: AbortSignal,
    read: (timeoutMs: number) => Promise<T>,
    isQuick: (signal: AbortSignal) => Promise<boolean>,
  ): Promise<T> {
    const turn = this.#lock.run(async () => {
      signal.throwIfAborted();
      const isEarly = this.#late >= MOST_LATE && (await this.#leaveAlone(timeoutMs, signal, isQuick));
      try {
        const result = await read(timeoutMs * this.#factor(this.#late));
        this.#late = 0;
        this.#wasMistaken = false;
        return result;
      } catch (error) {
        if (isStoreError(error, 'timeout')) {
          this.#late += 1;
          this.#wasMistaken = (isEarly || this.#wasMistaken) && (await isQuick(signal));
        }
        throw error;
      }
    });
    return abortable(turn, signal);
  }

  /** Returns whether the pause ended early. */
  async #leaveAlone(
    timeoutMs: number,
    signal: AbortSignal,
    isQuick: (signal: AbortSignal) => Promise<boolean>,
  ): Promise<boolean> {
    let leftMs = timeoutMs * this.#factor(this.#late - MOST_LATE);
    for (let stepMs = timeoutMs; ; stepMs *= 2) {
      const ms = Math.min(stepMs, leftMs);
      await sleep(this.#clock, ms, signal);
      leftMs -= ms;
      if (leftMs <= 0) return false;
      if (!this.#wasMistaken && (await isQuick(signal))) return true;
    }
  }

  #factor(late: number): number {
    return Math.min(LONGEST, 2 ** late);
  }
}
