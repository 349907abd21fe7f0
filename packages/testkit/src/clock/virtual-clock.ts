import type { Clock, TimerHandle } from '@holdfast/store';
import { invalidArgument } from '@holdfast/store/adapter';
import { checkFunction, checkNumber } from '../check.js';
import { realTimers } from './real-timers.js';

/** A clock that stands still until a test moves it. All times are in milliseconds. */
export interface VirtualClock extends Clock {
  /** The number of timers that are set and have not fired: 0 after a clean `close()`. */
  readonly pending: number;
  /** When the next timer is due, on this clock; `undefined` if none is set. */
  readonly nextAt: number | undefined;
  /**
   * Moves time forward and fires the timers that fall due, in the order of their times, and of their setting for equal times. Timers
   * that are set on the way are included. Before the first timer and after each one, everything that is ready runs (promises,
   * `setImmediate`). It does not wait for real I/O.
   */
  advance(ms: number): Promise<void>;
}

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

// So many turns of the event loop usually bring a chain of streams and promises to rest.
const SETTLING_TURNS = 3;

/** Makes a {@link VirtualClock} that starts at `startAt` milliseconds since the epoch. Default: 1 January 2020, UTC. */
export function virtualClock(startAt = Date.UTC(2020, 0, 1)): VirtualClock {
  if (!Number.isFinite(checkNumber(startAt, 'virtualClock(startAt)', 'milliseconds since the epoch'))) {
    throw invalidArgument(`virtualClock(startAt) must be a number of milliseconds since the epoch, not ${startAt}`);
  }
  return new ManualClock(startAt);
}

class ManualClock implements VirtualClock {
  #now: number;
  // A Set keeps the order of setting, which breaks ties between timers of one moment.
  readonly #timers = new Set<Timer>();

  constructor(startAt: number) {
    this.#now = startAt;
  }

  get pending(): number {
    return this.#timers.size;
  }

  get nextAt(): number | undefined {
    return this.#next()?.at;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    checkFunction(callback, "a timer's callback");
    // Like the real one: anything but a positive number means "as soon as possible".
    const timer = { at: this.#now + (delayMs > 0 ? delayMs : 0), callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(handle: TimerHandle): void {
    this.#timers.delete(handle as Timer);
  }

  async advance(ms: number): Promise<void> {
    checkNumber(ms, 'advance(ms)', 'milliseconds');
    if (!(ms >= 0)) throw new RangeError(`virtualClock: cannot advance by ${ms} ms; time only moves forward`);
    const until = this.#now + ms;
    await settle();
    for (let timer = this.#next(); timer !== undefined && timer.at <= until; timer = this.#next()) {
      this.#timers.delete(timer);
      // An overlapping advance may have moved the clock further already. It never goes back.
      this.#now = Math.max(this.#now, timer.at);
      timer.callback();
      await settle();
    }
    this.#now = Math.max(this.#now, until);
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.at < next.at) next = timer;
    }
    return next;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLING_TURNS; turn += 1) {
    await new Promise((resolve) => realTimers.setImmediate(resolve));
  }
}
