/** So many keys are remembered: a backup of a moment ago has the latest. */
const MOST_KEYS = 10_000;

/** The keys that a session gave back. If the store has one of them all the same, it comes from a backup. */
export class GivenBackKeys {
  /** With when that was, by the count below. The latest is the last. */
  readonly #keys = new Map<string, number>();
  #count = 0;

  claim(key: string): void {
    this.#keys.delete(key);
  }

  /** The key is not there, and nothing on its way will write it. */
  add(key: string): void {
    this.#keys.delete(key);
    this.#count += 1;
    this.#keys.set(key, this.#count);
    if (this.#keys.size <= MOST_KEYS) return;
    const [oldest = key] = this.#keys.keys();
    this.#keys.delete(oldest);
  }

  /** Tells of a key whether it had been given back by now, and was not claimed since. */
  look(): (key: string) => boolean {
    const now = this.#count;
    return (key) => {
      const since = this.#keys.get(key);
      return since !== undefined && since <= now;
    };
  }
}
