import type { Clock, TimerHandle } from '@holdfast/store';

/** Waits that end early when it rings, and at once after it was stopped. One wait at a time. */
export class Alarm {
  readonly #clock: Clock;
  #wake: (() => void) | undefined;
  #endRest: (() => void) | undefined;
  #isRung = false;
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Ends the wait under way; or the next one, if there is none. */
  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Ends this wait and all later ones. */
  stop(): void {
    this.#isStopped = true;
    this.ring();
    this.#endRest?.();
  }

  /** Resolves after so many milliseconds, or when it rings. */
  async wait(ms: number): Promise<void> {
    if (!this.#isRung && !this.#isStopped && ms > 0) {
      let timer: TimerHandle;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (ms < 2 ** 31) timer = this.#clock.setTimeout(resolve, ms);
      });
      this.#clock.clearTimeout(timer);
      this.#wake = undefined;
    }
    this.#isRung = false;
  }

  /** Resolves after so many milliseconds, whether it rings or not, unless it is stopped. By one timer: the wall clock may be set meanwhile. */
  async rest(ms: number): Promise<void> {
    if (this.#isStopped || ms <= 0) return;
    let timer: TimerHandle;
    await new Promise<void>((resolve) => {
      this.#endRest = resolve;
      if (ms < 2 ** 31) timer = this.#clock.setTimeout(resolve, ms);
    });
    this.#clock.clearTimeout(timer);
    this.#endRest = undefined;
  }
}
