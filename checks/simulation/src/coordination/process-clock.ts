import type { SessionClock } from '@holdfast/coordination';
import type { TimerHandle } from '@holdfast/store';
import type { ClockView, SimClock } from '../sim-clock.js';

/** The clocks of one process: the wall clock that somebody may set, and the monotonic one that stands still while the machine sleeps. */
export class ProcessClock implements SessionClock {
  readonly #clock: SimClock;
  readonly #view: ClockView;
  #sleptMs = 0;
  #asleepSince: number | undefined;

  constructor(clock: SimClock, view: ClockView) {
    this.#clock = clock;
    this.#view = view;
  }

  now(): number {
    return this.#view.now();
  }

  monotonic(): number {
    return (this.#asleepSince ?? this.#clock.now) - this.#sleptMs;
  }

  uptime(): number {
    return this.#clock.now / 1_000;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    // Whole milliseconds, like all times here.
    return this.#view.setTimeout(callback, Math.ceil(delayMs));
  }

  clearTimeout(handle: TimerHandle): void {
    this.#view.clearTimeout(handle);
  }

  fallAsleep(): void {
    this.#asleepSince ??= this.#clock.now;
  }

  wake(): void {
    if (this.#asleepSince !== undefined) this.#sleptMs += this.#clock.now - this.#asleepSince;
    this.#asleepSince = undefined;
  }
}
