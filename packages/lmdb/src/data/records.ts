import type { LeaseId } from '@holdfast/store';

// How keys, entries and changes are laid out in the file. Numbers in keys are big-endian: LMDB orders keys by their bytes, and positive
// doubles are in the order of their bytes. Whatever is changed here is another format.

/** An entry as the file has it. */
export interface Stored {
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: LeaseId | undefined;
  readonly value: Uint8Array;
}

/** What happened to a key at a revision. */
export interface Change {
  readonly revision: number;
  readonly type: 'put' | 'delete';
  /** The modification revision of the entry before; 0 if there was none. */
  readonly previous: number;
  readonly key: Uint8Array;
}

/** The bytes before an entry's value. */
export const HEADER = 32;
const NO_LEASE = 0n;

export function encodeStored({ createRevision, modRevision, version, lease, value }: Stored): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER + value.length);
  bytes.writeDoubleBE(createRevision, 0);
  bytes.writeDoubleBE(modRevision, 8);
  bytes.writeDoubleBE(version, 16);
  bytes.writeBigUInt64BE(lease === undefined ? NO_LEASE : BigInt(lease), 24);
  bytes.set(value, HEADER);
  return bytes;
}

/** The value shares the memory of the bytes. */
export function decodeStored(bytes: Uint8Array): Stored {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER);
  const lease = view.getBigUint64(24);
  return {
    createRevision: view.getFloat64(0),
    modRevision: view.getFloat64(8),
    version: view.getFloat64(16),
    lease: lease === NO_LEASE ? undefined : String(lease),
    value: new Uint8Array(bytes.buffer, bytes.byteOffset + HEADER, bytes.length - HEADER),
  };
}

/** The parts of an entry that is one of several in a piece of memory. */
export function createRevisionAt(rows: Buffer, at: number): number {
  return rows.readDoubleBE(at);
}

export function modRevisionAt(rows: Buffer, at: number): number {
  return rows.readDoubleBE(at + 8);
}

export function versionAt(rows: Buffer, at: number): number {
  return rows.readDoubleBE(at + 16);
}

/** The modification revision alone. */
export function modRevisionOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, HEADER).getFloat64(8);
}

/** An entry that was replaced or deleted, with the revision at which that happened before it. */
export function encodeReplaced(endRevision: number, entry: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(8 + entry.length);
  bytes.writeDoubleBE(endRevision, 0);
  bytes.set(entry, 8);
  return bytes;
}

export function decodeReplaced(bytes: Uint8Array): Stored & { readonly endRevision: number } {
  const endRevision = new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
  return { ...decodeStored(bytes.subarray(8)), endRevision };
}

/** The place of a replaced entry. The length comes first: all entries of one key stand together, in the order of their revisions. */
export function replacedKey(key: Uint8Array, modRevision: number): Buffer {
  const bytes = Buffer.allocUnsafe(2 + key.length + 8);
  bytes.writeUInt16BE(key.length, 0);
  bytes.set(key, 2);
  bytes.writeDoubleBE(modRevision, 2 + key.length);
  return bytes;
}

/** The place of a change: its revision, and its number within that. */
export function changeKey(revision: number, number: number): Buffer {
  const bytes = Buffer.allocUnsafe(12);
  bytes.writeDoubleBE(revision, 0);
  bytes.writeUInt32BE(number, 8);
  return bytes;
}

export function revisionOfChangeKey(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
}

export function encodeChange({ type, previous, key }: Omit<Change, 'revision'>): Buffer {
  const bytes = Buffer.allocUnsafe(9 + key.length);
  bytes.writeUInt8(type === 'put' ? 1 : 2, 0);
  bytes.writeDoubleBE(previous, 1);
  bytes.set(key, 9);
  return bytes;
}

export function decodeChange(place: Uint8Array, bytes: Uint8Array): Change {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 9);
  return {
    revision: revisionOfChangeKey(place),
    type: view.getUint8(0) === 1 ? 'put' : 'delete',
    previous: view.getFloat64(1),
    key: bytes.subarray(9),
  };
}

export function leaseKey(id: LeaseId): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(id), 0);
  return bytes;
}

export function leaseIdOf(bytes: Uint8Array, offset = 0): LeaseId {
  return String(new DataView(bytes.buffer, bytes.byteOffset + offset, 8).getBigUint64(0));
}

/** The place of a key that is attached to a lease. */
export function attachedKey(id: LeaseId, key: Uint8Array): Buffer {
  return Buffer.concat([leaseKey(id), key]);
}

/** The place of a lease in the order in which leases expire. */
export function deadlineKey(deadlineMs: number, id: LeaseId): Buffer {
  const bytes = Buffer.allocUnsafe(16);
  bytes.writeDoubleBE(deadlineMs, 0);
  bytes.writeBigUInt64BE(BigInt(id), 8);
  return bytes;
}

export function deadlineOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
}
