import type { LeaseId } from '@holdfast/store';

/** Since a moment: what was true then, and still is. */
export interface Look {
  /** Whether the session had no claim to a key at that moment, and has had none since. */
  isGivenBack(key: string): boolean;
  end(): void;
}

/**
 * The keys of a session in its queues, by their names: a name without a claim is one that was given back, or never written. If the store has such a
 * key all the same, it comes from a backup.
 */
export class OwnKeys {
  readonly #start: string;
  /** The keys that are there, or may be. */
  readonly #claimed = new Set<string>();
  /** What every look under way must not judge: it was claimed meanwhile. */
  readonly #looks = new Set<Set<string>>();

  constructor(lease: LeaseId) {
    this.#start = `${BigInt(lease).toString(16)}-`;
  }

  claim(key: string): void {
    this.#claimed.add(key);
    for (const since of this.#looks) since.add(key);
  }

  /** The key is not there, and nothing on its way will write it. */
  giveBack(key: string): void {
    this.#claimed.delete(key);
  }

  look(): Look {
    const since = new Set(this.#claimed);
    this.#looks.add(since);
    return {
      isGivenBack: (key) => key.slice(key.lastIndexOf('/') + 1).startsWith(this.#start) && !since.has(key),
      end: () => {
        this.#looks.delete(since);
      },
    };
  }
}
