import type { LeaseId } from '@holdfast/store';

/** What a replication wrote under a key of the target. */
export interface OwnKey {
  /** The target's revision. */
  readonly revision: number;
  readonly lease: LeaseId | undefined;
  /** Whether it has a time to live without a lease. */
  readonly isTimed?: boolean;
}

/** The keys of the target that are the replication's own, and which revisions they are from. */
export class OwnKeys {
  readonly #keys = new Map<string, OwnKey>();
  readonly #counts = new Map<number, number>();

  get(key: string): OwnKey | undefined {
    return this.#keys.get(key);
  }

  get size(): number {
    return this.#keys.size;
  }

  keys(): IterableIterator<string> {
    return this.#keys.keys();
  }

  set(key: string, own: OwnKey): void {
    this.delete(key);
    this.#keys.set(key, own);
    this.#counts.set(own.revision, this.countAt(own.revision) + 1);
  }

  delete(key: string): void {
    const own = this.#keys.get(key);
    if (own === undefined) return;
    this.#keys.delete(key);
    const left = this.countAt(own.revision) - 1;
    if (left === 0) this.#counts.delete(own.revision);
    else this.#counts.set(own.revision, left);
  }

  /** How many keys are still as they were written at that revision. */
  countAt(revision: number): number {
    return this.#counts.get(revision) ?? 0;
  }

  clear(): void {
    this.#keys.clear();
    this.#counts.clear();
  }
}
