import { monotonicMs, type Clock, type TimerHandle } from './clock.js';

/** The time is counted in steps of this length, in milliseconds. A step counts as no more, however late its timer is. */
const STEP_MS = 500;
/** A timer this late shows that the process was kept from its work: answers may be waiting to be read. In milliseconds. */
const LATE_MS = 100;
/** The time for reading them, in milliseconds. */
const READING_MS = 100;

/**
 * A time limit for what others do. Time in which this process was stopped, or too busy to read their answers, does not count: those may be
 * there already. Where many connections of one busy process give up an answer that waits in its socket, each begins again, which keeps the
 * process as busy.
 */
export class PatientTimer {
  readonly #clock: Clock;
  readonly #onOver: () => void;
  #leftMs: number;
  #isExcused = false;
  #timer: TimerHandle;

  /** Begins at once. */
  constructor(clock: Clock, ms: number, onOver: () => void) {
    this.#clock = clock;
    this.#onOver = onOver;
    this.#leftMs = ms;
    this.#arm();
  }

  /** Ends it: the callback that the constructor was given is not called any more. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    const stepMs = Math.min(this.#leftMs, STEP_MS);
    const dueAt = monotonicMs(this.#clock) + stepMs;
    this.#timer = this.#clock.setTimeout(() => {
      this.#leftMs -= stepMs;
      if (this.#leftMs <= 0 && !this.#isExcused && monotonicMs(this.#clock) - dueAt > LATE_MS) {
        this.#isExcused = true;
        this.#leftMs = READING_MS;
      }
      if (this.#leftMs > 0) this.#arm();
      else this.#onOver();
    }, stepMs);
  }
}
