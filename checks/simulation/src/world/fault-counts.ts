/** The faults of a world, by kind. Only faults that took effect count. */
export class FaultCounts {
  readonly #counts = new Map<string, number>();
  readonly #lastAt = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  readonly add = (fault: string, times = 1): void => {
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + times);
    this.#lastAt.set(fault, this.#now());
  };

  /** The kinds that happened in the last `ms` milliseconds. */
  recent(ms: number): string[] {
    const since = this.#now() - ms;
    return [...this.#lastAt].filter(([, at]) => at >= since).map(([fault]) => fault);
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
