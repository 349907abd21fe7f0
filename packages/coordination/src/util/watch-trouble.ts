import { isStoreError, type Clock } from '@holdfast/store';
import { monotonicMs, type Backoff } from '@holdfast/store/adapter';
import { isPassing } from '../errors.js';

/** So many mistakes of a store within {@link WITHIN_MS} are no accident. With the delays between them, that takes about three seconds. */
const MOST_MISTAKES = 5;
const WITHIN_MS = 60_000;

/**
 * How to go on after the end of a watch: after a pause. A store that makes a mistake (`internal`) may do better on the next attempt, and one
 * that makes it again and again is told.
 */
export class WatchTrouble {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  #mistakes = 0;
  #lastMistake = 0;

  constructor(clock: Clock, backoff: Backoff) {
    this.#clock = clock;
    this.#backoff = backoff;
  }

  /**
   * How long to wait before the next attempt, in milliseconds.
   *
   * @throws StoreError the error itself, where another attempt would end with it too
   */
  pauseAfter(error: unknown): number {
    if (isStoreError(error, 'internal') && !error.retryable) this.#noteMistake(error);
    else if (!isPassing(error) && !needsRead(error)) throw error;
    return this.#backoff.next();
  }

  /** A watch has brought something. */
  over(): void {
    this.#mistakes = 0;
    this.#backoff.reset();
  }

  #noteMistake(error: unknown): void {
    const now = monotonicMs(this.#clock);
    if (now - this.#lastMistake > WITHIN_MS) this.#mistakes = 0;
    this.#lastMistake = now;
    this.#mistakes += 1;
    if (this.#mistakes >= MOST_MISTAKES) throw error;
  }
}

/** Whether a watch can't go on from where it was. After a mistake of the store, what came before it may be wrong too. */
export function needsRead(error: unknown): boolean {
  return isStoreError(error, 'compacted') || isStoreError(error, 'history-changed') || isStoreError(error, 'internal');
}
