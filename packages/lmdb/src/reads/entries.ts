import type { KeyValue, Revision, UndecodableKey } from '@holdfast/store';
import type { Stored } from '../data/records.js';
import { keyName } from '../data/utf8.js';
import type { Tables } from '../database/tables.js';
import { findLease } from '../leases/lease-book.js';

/** An entry with its key, as it was found. */
export interface Found {
  readonly key: Uint8Array;
  readonly entry: Stored;
}

const EMPTY = new Uint8Array(0);

/** The entry for callers, or `undefined` where its key is not UTF-8. */
export function toKeyValue(tables: Tables, { key, entry }: Found, keysOnly = false): KeyValue | undefined {
  const name = keyName(key);
  if (name === undefined) return undefined;
  const { createRevision, modRevision, version, lease, value } = entry;
  const item = {
    key: name,
    value: keysOnly ? EMPTY : value,
    createRevision: createRevision as Revision,
    modRevision: modRevision as Revision,
    version,
  };
  // What is read by keys alone says nothing of a lease, as on etcd 3.7.
  if (lease === undefined || keysOnly) return item;
  const expiresAt = findLease(tables, lease)?.expiresAt;
  return expiresAt === undefined ? { ...item, lease } : { ...item, lease, expiresAt };
}

export function toUndecodable({ key, entry }: Found): UndecodableKey {
  return { rawKey: new Uint8Array(key), revision: entry.modRevision as Revision, deleted: false };
}

/** Sorts what was found into entries and keys that are not UTF-8. */
export function split(
  tables: Tables,
  found: readonly Found[],
  keysOnly = false,
): { items: KeyValue[]; undecodable: UndecodableKey[] } {
  const items: KeyValue[] = [];
  const undecodable: UndecodableKey[] = [];
  for (const one of found) {
    const item = toKeyValue(tables, one, keysOnly);
    if (item === undefined) undecodable.push(toUndecodable(one));
    else items.push(item);
  }
  return { items, undecodable };
}
