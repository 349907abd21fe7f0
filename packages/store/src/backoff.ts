export interface BackoffOptions {
  /** The ceiling of the first delay, in milliseconds. Default: 100. */
  readonly initialMs?: number | undefined;
  /** The ceiling of all delays, in milliseconds. Default: 5,000. */
  readonly maxMs?: number | undefined;
  /** Gives a number in [0, 1). Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/**
 * Exponential back-off with full jitter: each delay is drawn uniformly below a ceiling that doubles. So a fleet that lost
 * the same server does not come back in step, and a watch that fails at once does not spin
 * (docs/traps.md#trap-12).
 */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #attempts = 0;

  constructor(options: BackoffOptions = {}) {
    this.#initialMs = options.initialMs ?? 100;
    this.#maxMs = options.maxMs ?? 5_000;
    this.#random = options.random ?? Math.random;
  }

  /** The next delay, in milliseconds. It is at least a tenth of its ceiling: no retry is immediate. */
  next(): number {
    const ceiling = Math.min(this.#maxMs, this.#initialMs * 2 ** this.#attempts);
    this.#attempts += 1;
    return ceiling * (0.1 + 0.9 * this.#random());
  }

  /** The number of delays drawn since the last reset. */
  get attempts(): number {
    return this.#attempts;
  }

  reset(): void {
    this.#attempts = 0;
  }
}
