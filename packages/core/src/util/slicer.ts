import type { Clock } from '@holdfast/store';

// The same turn of the event loop also reads from sockets and collects garbage.
const BUDGET_MS = 2.5;
// Reading the clock costs as much as decoding a small value.
const ITEMS_BETWEEN_LOOKS = 16;

/** Cuts long work into slices of a few milliseconds, so that it does not block the host's event loop (promise M11). */
export class Slicer {
  readonly #clock: Clock;
  #started: number;
  #items = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#started = clock.now();
  }

  /** Whether it is time to {@link pause}. Call it after each item. */
  isDue(): boolean {
    this.#items += 1;
    if (this.#items % ITEMS_BETWEEN_LOOKS !== 0) return false;
    const elapsed = this.#clock.now() - this.#started;
    // The system's clock may have been set back.
    return elapsed >= BUDGET_MS || elapsed < 0;
  }

  /** Lets the event loop turn once. */
  async pause(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#started = this.#clock.now();
  }
}
