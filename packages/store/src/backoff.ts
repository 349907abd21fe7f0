export interface BackoffOptions {
  /** The ceiling of the first delay, in milliseconds. 100 unless told. */
  readonly initialMs?: number | undefined;
  /** The ceiling of all delays, in milliseconds. 5,000 unless told. */
  readonly maxMs?: number | undefined;
  /** A number in [0, 1), `Math.random` unless told. */
  readonly random?: (() => number) | undefined;
}

/**
 * Exponential back-off with full jitter: a delay is drawn uniformly below a ceiling that doubles. Fleets of clients
 * that lost the same server thereby don't come back in step (mirror promise M9), and a watch that fails at once does
 * not spin (docs/traps.md#trap-12).
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

  /** The next delay, in milliseconds; at least a tenth of its ceiling, so that no retry is immediate. */
  next(): number {
    const ceiling = Math.min(this.#maxMs, this.#initialMs * 2 ** this.#attempts);
    this.#attempts += 1;
    return ceiling * (0.1 + 0.9 * this.#random());
  }

  /** How many delays were drawn since the last reset. */
  get attempts(): number {
    return this.#attempts;
  }

  reset(): void {
    this.#attempts = 0;
  }
}
