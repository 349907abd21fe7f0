/** So many keys are remembered: a backup of a moment ago has the latest. */
const MOST_KEYS = 10_000;

/** The keys that a session gave back. If the store has one of them all the same, it comes from a backup. */
export class OwnKeys {
  /** With when that was, by the count below. The latest is the last. */
  readonly #givenBack = new Map<string, number>();
  #count = 0;

  claim(key: string): void {
    this.#givenBack.delete(key);
  }

  /** The key is not there, and nothing on its way will write it. */
  giveBack(key: string): void {
    this.#givenBack.delete(key);
    this.#count += 1;
    this.#givenBack.set(key, this.#count);
    const [oldest = key] = this.#givenBack.keys();
    if (this.#givenBack.size > MOST_KEYS) this.#givenBack.delete(oldest);
  }

  /** Tells of a key whether it had been given back by now, and was not claimed since. */
  look(): (key: string) => boolean {
    const now = this.#count;
    return (key) => {
      const since = this.#givenBack.get(key);
      return since !== undefined && since <= now;
    };
  }
}
