import type { Clock, TimerHandle } from '@holdfast/store';

/** When a sleeper wants to wake up: at the earliest, at best, and at the latest. In milliseconds from now. */
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

// Sleepers that wake together work in the same turn of the event loop. A thousand of them would block it.
const MOST_AT_ONCE = 50;
const NEXT_MS = 1;

/**
 * One timer for many sleepers: it is set for one of them, and wakes all others whose earliest time has come. A timer for a single
 * mirror wakes the whole process, which costs more than the mirror's work.
 */
export class CommonTimer {
  readonly #clock: Clock;
  readonly #sleepers = new Set<Sleeper>();
  #timer: TimerHandle;
  /** Never later than any sleeper's latest time. */
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
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
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
    // The clock may have been set back, and a timer may fire a fraction of a millisecond early.
    const early = Math.max(0, this.#due - this.#now());
    this.#setBack += early;
    const now = this.#now();
    this.#disarm();
    let woken = 0;
    // The sleeper that can wait least sets the time, by its preferred one. The earliest preference of many would be nearly the same
    // in each process of a fleet, which would then read in step (M9).
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

  /** Never less than before: a clock without a monotonic time may be set back, and nobody may oversleep for that. */
  #now(): number {
    const read = this.#clock.monotonic?.() ?? this.#clock.now();
    this.#setBack += Math.max(0, this.#lastRead - read);
    this.#lastRead = read;
    return read + this.#setBack;
  }
}
