import { Buffer } from 'node:buffer';
import type { Revision, UndecodableKey } from '@holdfast/store';
import type { KeyRange } from '@holdfast/store/adapter';
import { type Problem, toProblem } from '../events/problem.js';

/** The keys in the mirror's range that are not UTF-8: counted, listed as problems, never shown as anything else. */
export class UndecodableKeys {
  readonly #byHex = new Map<string, { readonly rawKey: Uint8Array; readonly problem: Problem }>();

  /** Moves with every change. */
  #changes = 0;

  get changes(): number {
    return this.#changes;
  }

  get size(): number {
    return this.#byHex.size;
  }

  /** Takes in what a batch or a read tells. Returns the problem where there is a new one. */
  add({ rawKey, revision, deleted }: UndecodableKey, now: number): Problem | undefined {
    const hex = hexOf(rawKey);
    const known = this.#byHex.get(hex);
    if (deleted) {
      if (this.#byHex.delete(hex)) this.#changes += 1;
      return undefined;
    }
    if (known?.problem.revision === revision) return undefined;
    const problem = toProblem({
      rawKey: rawKey.slice(),
      reason: 'the key is not valid UTF-8',
      revision,
      since: known?.problem.since ?? now,
    });
    this.#byHex.set(hex, { rawKey: problem.rawKey ?? rawKey, problem });
    this.#changes += 1;
    return problem;
  }

  /** Takes one over from a saved copy. */
  addSaved(rawKey: Uint8Array, revision: Revision, since: number): void {
    this.add({ rawKey, revision, deleted: false }, since);
  }

  has({ rawKey, revision }: UndecodableKey): boolean {
    return this.#byHex.get(hexOf(rawKey))?.problem.revision === revision;
  }

  includes(rawKey: Uint8Array): boolean {
    return this.#byHex.has(hexOf(rawKey));
  }

  /** Forgets those of a range that were last changed before `revision`. */
  removeRange(range: KeyRange, revision: Revision): void {
    for (const [hex, { rawKey, problem }] of this.#byHex) {
      if (problem.revision < revision && range.contains(rawKey)) this.#forget(hex);
    }
  }

  /** Forgets those that `isThere` does not know. */
  retain(isThere: (rawKey: Uint8Array) => boolean): void {
    for (const [hex, { rawKey }] of this.#byHex) if (!isThere(rawKey)) this.#forget(hex);
  }

  #forget(hex: string): void {
    this.#byHex.delete(hex);
    this.#changes += 1;
  }

  *revisions(): IterableIterator<Revision> {
    for (const { problem } of this.#byHex.values()) yield problem.revision;
  }

  *problems(): IterableIterator<Problem> {
    for (const { problem } of this.#byHex.values()) yield problem;
  }
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
