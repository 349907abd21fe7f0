import type { LeaseTable } from '@holdfast/adapter-kit';
import type { KeyValue, Revision, UndecodableKey } from '@holdfast/store';
import { CopyPool } from '@holdfast/store/adapter';
import { byteStringToBytes } from '../data/byte-string.js';
import { type KeyHistory, type Version, isDeletion } from '../data/key-history.js';

const EMPTY = new Uint8Array(0);

export function asRevision(revision: number): Revision {
  // The store counts revisions itself: they are positive, and stay safe integers for centuries.
  return revision as Revision;
}

/** Makes entries for callers. Values are copies: a caller that alters one alters nothing else. */
export class Entries {
  readonly #leases: () => LeaseTable<KeyHistory>;
  readonly #copies = new CopyPool();

  constructor(leases: () => LeaseTable<KeyHistory>) {
    this.#leases = leases;
  }

  /** An entry, or `undefined` if the key is not UTF-8. */
  keyValue(version: Version, keysOnly = false): KeyValue | undefined {
    const { history, value, createRevision, modRevision, version: count, lease } = version;
    if (history.name === undefined) return undefined;
    const entry = {
      key: history.name,
      value: keysOnly ? EMPTY : this.#copies.copy(value),
      createRevision: asRevision(createRevision),
      modRevision: asRevision(modRevision),
      version: count,
    };
    // What is read by keys alone says nothing of a lease, as on etcd 3.7.
    if (lease === undefined || keysOnly) return entry;
    const expiresAt = this.#leases().find(lease)?.expiresAt;
    return expiresAt === undefined ? { ...entry, lease } : { ...entry, lease, expiresAt };
  }

  undecodable(version: Version): UndecodableKey {
    return {
      rawKey: byteStringToBytes(version.history.key),
      revision: asRevision(version.modRevision),
      deleted: isDeletion(version),
    };
  }

  /** Sorts versions into entries and undecodable keys. */
  split(versions: readonly Version[], keysOnly = false): { items: KeyValue[]; undecodable: UndecodableKey[] } {
    const items: KeyValue[] = [];
    const undecodable: UndecodableKey[] = [];
    for (const version of versions) {
      const item = this.keyValue(version, keysOnly);
      if (item === undefined) undecodable.push(this.undecodable(version));
      else items.push(item);
    }
    return { items, undecodable };
  }
}
