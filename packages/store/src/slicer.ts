import { systemClock, type Clock } from './clock.js';
import { nextTurn } from './real-timers.js';

// Beside it, the same turn of the loop has reads from sockets and the garbage collector to do.
const BUDGET_MS = 2.5;
// Asking for the time costs as much as decoding a small value.
const ITEMS_BETWEEN_LOOKS = 16;

/** Keeps long work from blocking the host's event loop: work in slices of a few milliseconds. */
export class Slicer {
  readonly #clock: Clock;
  readonly #itemsBetweenLooks: number;
  #started: number;
  #itemsToLook: number;

  /** @param itemsBetweenLooks how many items are done between two looks at the clock */
  constructor(clock: Clock = systemClock, itemsBetweenLooks = ITEMS_BETWEEN_LOOKS) {
    this.#clock = clock;
    this.#itemsBetweenLooks = itemsBetweenLooks;
    this.#itemsToLook = itemsBetweenLooks;
    this.#started = this.#clock.now();
  }

  /** Whether so few items are done in one slice, however long they take: then there is nothing to ask a slicer. */
  static isOneSlice(items: number): boolean {
    return items < ITEMS_BETWEEN_LOOKS;
  }

  /** To be asked after each item: whether it is time to {@link pause}. */
  isDue(): boolean {
    this.#itemsToLook -= 1;
    if (this.#itemsToLook > 0) return false;
    this.#itemsToLook = this.#itemsBetweenLooks;
    const elapsed = this.#clock.now() - this.#started;
    // The system's clock may be set back.
    return elapsed >= BUDGET_MS || elapsed < 0;
  }

  /** Lets the event loop turn once. */
  async pause(): Promise<void> {
    await nextTurn();
    this.#started = this.#clock.now();
  }
}
