/** How many of the newest unchanged values a resync compares, and the part of all keys that they may be at most. */
const SAMPLE_KEYS = 128;
const SAMPLE_PART = 1 / 16;

interface Dated {
  readonly key: string;
  readonly revision: number;
}

/** The keys of the highest revisions, out of many that are seen once each. */
export class Newest {
  #dated: Dated[] = [];
  #seen = 0;
  #least = 0;

  add(key: string, revision: number): void {
    this.#seen += 1;
    if (revision <= this.#least) return;
    this.#dated.push({ key, revision });
    if (this.#dated.length >= 8 * SAMPLE_KEYS) this.#least = this.#sort(SAMPLE_KEYS).at(-1)?.revision ?? 0;
  }

  /** The newest first. */
  sample(): readonly Dated[] {
    return this.#sort(Math.min(SAMPLE_KEYS, Math.ceil(this.#seen * SAMPLE_PART)));
  }

  #sort(count: number): readonly Dated[] {
    this.#dated = this.#dated.sort((a, b) => b.revision - a.revision).slice(0, count);
    return this.#dated;
  }
}
