import type { Clock } from '@holdfast/store';
import { addAbortListener, removeAbortListener } from '@holdfast/store/adapter';

/** At most so many at a time, in the order of asking. */
export class Turns {
  readonly #clock: Clock;
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(most: number, clock: Clock) {
    this.#free = most;
    this.#clock = clock;
  }

  /** Whether a turn can be had at once. */
  get isFree(): boolean {
    return this.#free > 0;
  }

  /**
   * Resolves to what gives the turn back, which may be called more than once. Rejects with the signal's reason.
   *
   * @param atMostMs who has waited for so many milliseconds goes on without a turn
   */
  take(signal: AbortSignal, atMostMs = Infinity): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      if (this.#free > 0) {
        this.#free -= 1;
        resolve(this.#giveBackOnce());
        return;
      }
      const leave = () => {
        this.#waiting.delete(begin);
        removeAbortListener(signal, onAbort);
        if (timer !== undefined) this.#clock.clearTimeout(timer);
      };
      const onAbort = () => {
        leave();
        reject(signal.reason as Error);
      };
      const begin = () => {
        leave();
        resolve(this.#giveBackOnce());
      };
      const goOn = () => {
        leave();
        resolve(() => undefined);
      };
      this.#waiting.add(begin);
      addAbortListener(signal, onAbort);
      const timer = atMostMs === Infinity ? undefined : this.#clock.setTimeout(goOn, atMostMs);
    });
  }

  #giveBackOnce(): () => void {
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#free += 1;
        return;
      }
      next();
    };
  }
}
