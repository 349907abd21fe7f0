import type { LeaseId } from '@holdfast/store';
import { type ByteString, byteStringToKey } from './byte-string.js';
import type { IndexEntry } from './ordered-index.js';

/** One change of one key. It is never altered. `value` is the store's own array, and never leaves the store. */
export interface Version {
  readonly history: KeyHistory;
  /** Numbers all changes of the store, without gaps. Changes of one transaction share a revision, but not this number. */
  readonly sequence: number;
  readonly modRevision: number;
  readonly createRevision: number;
  /** The number of writes since the key was created, from 1. For its deletion: 0. */
  readonly version: number;
  readonly value: Uint8Array;
  readonly lease: LeaseId | undefined;
}

export function isDeletion(version: Version): boolean {
  return version.version === 0;
}

/** All retained versions of one key, oldest first. */
export class KeyHistory implements IndexEntry {
  readonly key: ByteString;
  /** The key as users know it; `undefined` if it is not UTF-8. */
  readonly name: string | undefined;
  readonly #versions: Version[] = [];

  constructor(key: ByteString) {
    this.key = key;
    this.name = byteStringToKey(key);
  }

  get live(): boolean {
    return this.current !== undefined;
  }

  get newest(): number {
    return this.#versions.at(-1)?.modRevision ?? 0;
  }

  /** The number of retained versions. */
  get length(): number {
    return this.#versions.length;
  }

  /** The state at the head; `undefined` if the key does not exist. */
  get current(): Version | undefined {
    return existing(this.#versions.at(-1));
  }

  /** The state at a revision that is not compacted. */
  at(revision: number): Version | undefined {
    return existing(this.#versions[this.#after(revision) - 1]);
  }

  append(version: Version): void {
    this.#versions.push(version);
  }

  /** Calls `visit` with every version after `revision`, newest first, until it returns false. Returns false if it did. */
  eachAfter(revision: number, visit: (version: Version) => boolean): boolean {
    for (let i = this.#versions.length - 1; i >= 0; i--) {
      const version = this.#versions[i] as Version;
      if (version.modRevision <= revision) return true;
      if (!visit(version)) return false;
    }
    return true;
  }

  /**
   * Forgets what no read at or after `revision` can see: all versions at or below it except the last one, and the last one
   * too if it is a deletion. Returns the forgotten versions.
   */
  compact(revision: number): Version[] {
    const kept = this.#after(revision) - 1;
    const last = this.#versions[kept];
    if (last === undefined) return [];
    return this.#versions.splice(0, isDeletion(last) ? kept + 1 : kept);
  }

  /** The first position after a revision. */
  #after(revision: number): number {
    let low = 0;
    let high = this.#versions.length;
    // Most reads are at the head, or near it.
    if (high > 0 && (this.#versions[high - 1] as Version).modRevision <= revision) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#versions[middle] as Version).modRevision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function existing(version: Version | undefined): Version | undefined {
  return version === undefined || isDeletion(version) ? undefined : version;
}
