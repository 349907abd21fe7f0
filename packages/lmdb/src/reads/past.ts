import { compactedError, futureRevision } from '@holdfast/adapter-kit';
import type { KeyRange } from '@holdfast/store/adapter';
import type { StoreState } from '../data/state.js';
import { changeKey, decodeChange, decodeReplaced, replacedKey, type Stored } from '../data/records.js';
import type { Tables } from '../database/tables.js';
import type { WriteOutcome } from '@holdfast/store';

/** @throws StoreError `future-revision`, or `compacted` where the revision's state is not kept */
export function checkReadable(state: StoreState, revision: number, outcome?: WriteOutcome): void {
  const { head, lost } = state;
  if (revision > head) throw futureRevision(revision, head, outcome);
  if (revision < state.compacted) throw compactedError(revision, state.compacted, head, outcome);
  if (lost !== undefined && revision > lost[0] && revision < lost[1])
    throw compactedError(revision, lost[1], head, outcome);
}

/** The entry of a key at a past revision. */
export function entryAt(
  { entries, replaced }: Tables,
  key: Uint8Array,
  revision: number,
  decode: (bytes: Uint8Array) => Stored,
): Stored | undefined {
  const bytes = entries.get(key);
  const present = bytes && decode(bytes);
  if (present !== undefined && present.modRevision <= revision) return present;
  const options = { start: replacedKey(key, revision), end: replacedKey(key, 0), reverse: true, limit: 1 };
  for (const { value } of replaced.getRange(options)) {
    const entry = decodeReplaced(value);
    return entry.endRevision > revision ? entry : undefined;
  }
  return undefined;
}

/**
 * What was changed since a past revision, within a range: which entry each of those keys had then. With the present entries it makes the state at
 * that revision. It costs the changes since, and it can be led on while a scan goes on.
 */
export class Overlay {
  readonly revision: number;
  readonly #range: KeyRange;
  /** By the key's bytes as latin1: the modification revision of its entry at that time, 0 for none. */
  readonly #entries = new Map<string, number>();
  #upTo: number;
  /** In the order of their keys, until more are taken in. */
  #sorted: { readonly key: Buffer; readonly modRevision: number }[] | undefined;

  constructor(range: KeyRange, revision: number) {
    this.#range = range;
    this.revision = revision;
    this.#upTo = revision;
  }

  /** Takes in the changes up to now, whole revisions of about `most` changes. Gives whether that was all. */
  extend({ changes }: Tables, head: number, most = Infinity): boolean {
    if (head === this.#upTo) return true;
    let walked = 0;
    for (const { key: place, value } of changes.getRange({ start: changeKey(this.#upTo + 1, 0) })) {
      const { revision, key, previous } = decodeChange(place, value);
      if (revision !== this.#upTo && walked >= most) return false;
      this.#upTo = revision;
      walked += 1;
      const name = Buffer.from(key).toString('latin1');
      if (this.#entries.has(name) || !this.#range.contains(key)) continue;
      this.#entries.set(name, previous);
      if (previous > 0) this.#sorted = undefined;
    }
    this.#upTo = head;
    return true;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Whether the key was changed since: then its present entry is not that of the past. */
  has(key: Uint8Array): boolean {
    return (
      this.#entries.size > 0 &&
      this.#entries.has(Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1'))
    );
  }

  /** The past entries of changed keys from `start` on, in the order of their keys. */
  past(start: Uint8Array): readonly { readonly key: Buffer; readonly modRevision: number }[] {
    this.#sorted ??= [...this.#entries]
      .filter(([, modRevision]) => modRevision > 0)
      .map(([name, modRevision]) => ({ key: Buffer.from(name, 'latin1'), modRevision }))
      .sort((a, b) => Buffer.compare(a.key, b.key));
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = this.#sorted[middle];
      if (at !== undefined && Buffer.compare(at.key, start) < 0) low = middle + 1;
      else high = middle;
    }
    return this.#sorted.slice(low);
  }

  /** How many more keys there were than now. */
  difference({ entries }: Tables): number {
    let difference = 0;
    for (const [name, modRevision] of this.#entries) {
      difference += (modRevision > 0 ? 1 : 0) - (entries.doesExist(Buffer.from(name, 'latin1')) ? 1 : 0);
    }
    return difference;
  }
}

/** An entry that was replaced or deleted after a revision that is still kept. */
export function replacedEntry({ replaced }: Tables, key: Uint8Array, modRevision: number): Stored | undefined {
  const bytes = replaced.get(replacedKey(key, modRevision));
  return bytes && decodeReplaced(bytes);
}
