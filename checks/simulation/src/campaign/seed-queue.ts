/** Seeds that are run one after another. */
export interface SeedRange {
  readonly first: number;
  readonly seeds: number;
}

/** Deals out a campaign's seeds in small parts, and takes the results back in the order of the seeds. So all seeds before the first one that is missing are done. */
export class SeedQueue<R> {
  readonly #end: number;
  readonly #most: number;
  readonly #onResult: (result: R) => void;
  /** The results that came before an earlier one: the first seed of each → its result. */
  readonly #early = new Map<number, { readonly seeds: number; readonly result: R }>();
  #next: number;
  #done: number;
  #isStopped = false;

  constructor({ first, seeds }: SeedRange, most: number, onResult: (result: R) => void) {
    this.#next = first;
    this.#done = first;
    this.#end = first + seeds;
    this.#most = most;
    this.#onResult = onResult;
  }

  /** The next seeds to run; `undefined` if there are none. */
  take(): SeedRange | undefined {
    if (this.#isStopped || this.#next >= this.#end) return undefined;
    const part = { first: this.#next, seeds: Math.min(this.#most, this.#end - this.#next) };
    this.#next += part.seeds;
    return part;
  }

  /** Deals out no more. */
  stop(): void {
    this.#isStopped = true;
  }

  finish({ first, seeds }: SeedRange, result: R): void {
    this.#early.set(first, { seeds, result });
    for (let next = this.#early.get(this.#done); next !== undefined; next = this.#early.get(this.#done)) {
      this.#early.delete(this.#done);
      this.#done += next.seeds;
      this.#onResult(next.result);
    }
  }
}
