/** One at a time, in the order of asking: what keeps the steps of a table whole although they decode in slices. */
export class Lock {
  #last: Promise<unknown> = Promise.resolve();
  /** How many have asked and are not done. */
  #users = 0;

  run<T>(work: () => Promise<T>): Promise<T> {
    this.#users += 1;
    const turn = this.#last.then(work);
    this.#last = turn.then(this.#leave, this.#leave);
    return turn;
  }

  /** Whether nobody has the lock or waits for it: work that begins now and ends in this turn of the microtask queue needs none. */
  get isFree(): boolean {
    return this.#users === 0;
  }

  readonly #leave = (): void => {
    this.#users -= 1;
  };
}
