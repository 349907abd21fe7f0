import type { Clock, TimerHandle } from '@holdfast/store';
import { manualProgressIsOrdered } from './progress.js';

/** Asks for progress at intervals, on servers whose answers are in order (docs/traps.md#trap-10). */
export class ProgressTimer {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #ask: () => void;
  #stopped = false;
  #timer: TimerHandle;

  constructor(clock: Clock, intervalMs: number, version: Promise<string | undefined>, ask: () => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#ask = ask;
    version.then(
      (known) => {
        if (known !== undefined && manualProgressIsOrdered(known)) this.#arm();
      },
      // A server of unknown version is not asked. Its own progress, by default every ten minutes, is always exact.
      () => undefined,
    );
  }

  stop(): void {
    this.#stopped = true;
    this.#clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#ask();
      this.#arm();
    }, this.#intervalMs);
  }
}
