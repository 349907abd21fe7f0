import type { Clock, TimerHandle } from '@holdfast/store';
import { addAbortListener, monotonicMs, removeAbortListener } from '@holdfast/store/adapter';

/** When somebody would be woken, and from when on and until when it will do, in milliseconds from now. */
export interface Rest {
  readonly earliestMs: number;
  readonly preferredMs: number;
  readonly latestMs: number;
}

interface Sleeper {
  // All in milliseconds of the monotonic clock.
  readonly earliest: number;
  readonly preferred: number;
  readonly latest: number;
  readonly wake: () => void;
}

// Those woken go to work in the same turn of the event loop: a thousand of them would hold it up.
const MOST_AT_ONCE = 50;
const NEXT_MS = 1;

/**
 * One timer for many: it is set for one of them, and takes along all who may be woken by then. A timer that fires for a single
 * mirror wakes the whole process, which costs more than what the mirror has to do.
 */
export class CommonTimer {
  readonly #clock: Clock;
  readonly #sleepers = new Set<Sleeper>();
  #timer: TimerHandle;
  /** Never after the latest time of anyone. */
  #due = Infinity;
  #lastRead = -Infinity;
  #setBack = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits, or rejects with the signal's reason as soon as it aborts. */
  sleep({ earliestMs, preferredMs, latestMs }: Rest, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = () => {
        this.#sleepers.delete(sleeper);
        if (this.#sleepers.size === 0) this.#disarm();
        reject(signal.reason as Error);
      };
      const now = this.#now();
      const sleeper: Sleeper = {
        earliest: now + earliestMs,
        preferred: now + preferredMs,
        latest: now + latestMs,
        wake: () => {
          removeAbortListener(signal, onAbort);
          resolve();
        },
      };
      addAbortListener(signal, onAbort);
      this.#sleepers.add(sleeper);
      if (sleeper.latest < this.#due) this.#arm(preferredMs);
    });
  }

  #arm(ms: number): void {
    this.#disarm();
    this.#due = this.#now() + ms;
    this.#timer = this.#clock.setTimeout(() => {
      this.#wake();
    }, ms);
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = Infinity;
  }

  #wake(): void {
    // Whatever the clock says: it may have been set back, and a timer may fire a fraction of a millisecond early.
    const early = Math.max(0, this.#due - this.#now());
    this.#setBack += early;
    const now = this.#now();
    this.#disarm();
    let woken = 0;
    // The one who can wait least sets the time, by what it prefers: the earliest wish of many would be nearly the same in each
    // process of a fleet, which would read in step (M9).
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.earliest > now) {
        if (next === undefined || sleeper.latest < next.latest) next = sleeper;
      } else if (woken < MOST_AT_ONCE) {
        this.#sleepers.delete(sleeper);
        woken += 1;
        sleeper.wake();
      }
    }
    if (woken === MOST_AT_ONCE) this.#arm(NEXT_MS);
    else if (next !== undefined) this.#arm(next.preferred - now);
  }

  /** Never less than before: a clock without a monotonic one may be set back, and nobody is to sleep through that. */
  #now(): number {
    const read = monotonicMs(this.#clock);
    this.#setBack += Math.max(0, this.#lastRead - read);
    this.#lastRead = read;
    return read + this.#setBack;
  }
}
