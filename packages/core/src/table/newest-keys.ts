/** How many of the newest keys are wanted, and the part of all keys that they may be at most. */
const SAMPLE_KEYS = 128;
const SAMPLE_PART = 1 / 16;
/** How many are kept before those that are not among the newest are let go. */
const MOST_KEPT = 8 * SAMPLE_KEYS;

export interface Dated {
  readonly key: string;
  readonly revision: number;
}

/** The keys of the highest revisions, out of many that are seen once each. Nothing is made for a key, since there may be a million. */
export class NewestKeys {
  readonly #revisions = new Float64Array(MOST_KEPT);
  readonly #bases: string[] = [];
  readonly #keys: string[] = [];
  #kept = 0;
  #seen = 0;
  #least = 0;

  /** A key in two parts. */
  add(base: string, key: string, revision: number): void {
    this.#seen += 1;
    if (revision <= this.#least) return;
    if (this.#kept === MOST_KEPT) this.#shrink();
    this.#keep(this.#kept, base, key, revision);
    this.#kept += 1;
  }

  /** How many were seen. */
  get seen(): number {
    return this.#seen;
  }

  /** The newest first. */
  sample(): readonly Dated[] {
    const dated = Array.from({ length: this.#kept }, (_, index) => ({
      key: `${this.#bases[index] ?? ''}${this.#keys[index] ?? ''}`,
      revision: this.#revisions[index] ?? 0,
    }));
    const count = Math.min(SAMPLE_KEYS, Math.ceil(this.#seen * SAMPLE_PART));
    return dated.sort((a, b) => b.revision - a.revision).slice(0, count);
  }

  /** Keeps the newest ones, and of those of the least revision the first that came. */
  #shrink(): void {
    const sorted = this.#revisions.slice().sort();
    const least = sorted[MOST_KEPT - SAMPLE_KEYS] ?? 0;
    let spare = SAMPLE_KEYS;
    for (const revision of sorted.subarray(MOST_KEPT - SAMPLE_KEYS)) if (revision > least) spare -= 1;
    let kept = 0;
    for (let index = 0; index < MOST_KEPT; index += 1) {
      const revision = this.#revisions[index] ?? 0;
      if (revision < least || (revision === least && spare === 0)) continue;
      if (revision === least) spare -= 1;
      this.#keep(kept, this.#bases[index] ?? '', this.#keys[index] ?? '', revision);
      kept += 1;
    }
    this.#kept = kept;
    this.#least = least;
  }

  #keep(index: number, base: string, key: string, revision: number): void {
    this.#revisions[index] = revision;
    this.#bases[index] = base;
    this.#keys[index] = key;
  }
}
