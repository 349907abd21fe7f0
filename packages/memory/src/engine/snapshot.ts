import type { LeaseTable } from '@holdfast/adapter-kit';
import type { LeaseId } from '@holdfast/store';
import {
  type ByteString,
  bytesToByteString,
  byteStringToBytes,
  copyBytes,
  keyToByteString,
} from '../data/byte-string.js';
import { invalidArgument } from '../errors.js';
import type { KeyHistory, Version } from '../data/key-history.js';
import { Mvcc } from '../data/mvcc.js';

/** One retained change in a {@link MemorySnapshot}. */
export interface SnapshotChange {
  /** A string if the key is UTF-8, otherwise its bytes. */
  readonly key: string | Uint8Array;
  readonly modRevision: number;
  /** 0 for a deletion. */
  readonly createRevision: number;
  /** 0 for a deletion. */
  readonly version: number;
  readonly value: Uint8Array;
  readonly lease?: LeaseId;
}

/** Everything that a memory store holds, history included. A plain value that `structuredClone` copies. */
export interface MemorySnapshot {
  readonly format: 1;
  readonly identity: string;
  readonly revision: number;
  /** 0 if the history was never compacted. */
  readonly compactRevision: number;
  /** Times to live in seconds. A restored lease begins again, as after a restore of etcd. */
  readonly leases: readonly { readonly id: LeaseId; readonly ttl: number }[];
  /** In the order in which they were made. */
  readonly changes: readonly SnapshotChange[];
}

export interface RestoreOptions {
  /**
   * `'same'`, the default: the history keeps its name, as when etcd's data directory is copied back. The change shows only
   * while the head is below a bookmark. `'new'`: as with another cluster token.
   */
  readonly identity?: 'same' | 'new';
}

export function takeSnapshot(mvcc: Mvcc, lessor: LeaseTable<KeyHistory>, identity: string): MemorySnapshot {
  return {
    format: 1,
    identity,
    revision: mvcc.head,
    compactRevision: mvcc.compactRevision,
    leases: lessor.list().map(({ id, ttl }) => ({ id, ttl })),
    changes: mvcc.retained().map(toChange),
  };
}

function toChange({ history, modRevision, createRevision, version, value, lease }: Version): SnapshotChange {
  const key = history.name ?? byteStringToBytes(history.key);
  const change = { key, modRevision, createRevision, version, value: copyBytes(value) };
  return lease === undefined ? change : { ...change, lease };
}

/**
 * Makes a history of a snapshot, and grants its leases.
 *
 * @throws StoreError `invalid-argument` if it is not a snapshot, before any lease was granted.
 */
export function loadSnapshot(snapshot: MemorySnapshot, lessor: LeaseTable<KeyHistory>): Mvcc {
  checkSnapshot(snapshot);
  for (const { id, ttl } of snapshot.leases) lessor.grant(ttl, id);
  const mvcc = new Mvcc(lessor);
  const changes = snapshot.changes.map(({ key, value, lease, ...change }) => ({
    ...change,
    key: toByteString(key),
    value: copyBytes(value),
    lease,
  }));
  mvcc.load(changes, { head: snapshot.revision, compactRevision: snapshot.compactRevision });
  return mvcc;
}

export const EMPTY_SNAPSHOT: MemorySnapshot = {
  format: 1,
  identity: '',
  revision: 1,
  compactRevision: 0,
  leases: [],
  changes: [],
};

function toByteString(key: string | Uint8Array): ByteString {
  return typeof key === 'string' ? keyToByteString(key) : bytesToByteString(key);
}

function checkSnapshot(snapshot: MemorySnapshot): void {
  const refuse = (why: string) => invalidArgument(`this is not a snapshot of a memory store: ${why}`);
  if (typeof snapshot !== 'object' || (snapshot as MemorySnapshot | null)?.format !== 1) {
    throw refuse('its format is not 1; pass what snapshot() returned');
  }
  if (!isList(snapshot.changes) || !isList(snapshot.leases)) throw refuse('it has no changes or leases');
  if (new Set(snapshot.leases.map(({ id }) => id)).size < snapshot.leases.length) throw refuse('it has a lease twice');
  let last = 1;
  for (const { modRevision, createRevision, version } of snapshot.changes) {
    if (modRevision < last || modRevision > snapshot.revision) throw refuse(`revision ${modRevision} is out of order`);
    if (createRevision > modRevision || (version === 0) !== (createRevision === 0)) {
      throw refuse(`the change at revision ${modRevision} has no sound version`);
    }
    last = modRevision;
  }
  if (snapshot.compactRevision > snapshot.revision) throw refuse('it is compacted past its revision');
}

// Array.isArray itself would make the elements `any`.
function isList(value: unknown): boolean {
  return Array.isArray(value);
}
