import type { KeyValue, Revision, UndecodableKey } from '@holdfast/store';
import { decodeUtf8, type KeyRange, type UndecodableEntry } from '@holdfast/adapter-kit';
import { bytes, integer, text, type Row } from './literals.js';

/** One version of a key, as a row of the table. `version` is 0 where the key was deleted. */
export interface Version {
  /** It may share its memory with others: whoever hands it out copies it. */
  readonly rawKey: Uint8Array;
  /** `undefined` if the key is not UTF-8. */
  readonly key: string | undefined;
  readonly revision: number;
  readonly position: number;
  readonly createRevision: number;
  readonly version: number;
  readonly lease: string | undefined;
  /** `undefined` where it was not asked for. */
  readonly value: Uint8Array | undefined;
}

/** The bytes before the key: four numbers of 8 bytes and two of 4. The last is the key's length, and is negative where no value follows. */
const HEADER = 40;

/**
 * A version as one column, which {@link versionOf} reads: its parts one after the other, as hexadecimal digits. Each column of a row costs about
 * as much as an entry's value, here and at the server. NULL where there is no version.
 *
 * @param withValue whether the value is needed: a condition
 */
export function columns(alias: string, withValue = 'true'): string {
  const [revision, created, version] = ['revision', 'create_revision', 'version'].map(
    (name) => `int8send(${alias}.${name})`,
  );
  const length = `octet_length(${alias}.key)`;
  const rest =
    withValue === 'true'
      ? `int4send(${length}) || ${alias}.key || ${alias}.value`
      : `CASE WHEN ${withValue} THEN int4send(${length}) || ${alias}.key || ${alias}.value ELSE int4send(-${length}) || ${alias}.key END`;
  return `encode(${revision} || ${created} || ${version} || int8send(coalesce(${alias}.lease, 0)) || int4send(${alias}.position) || ${rest}, 'hex')`;
}

/** How many columns that is. */
export const COLUMNS = 1;

/** @param at where the column is */
export function versionOf(row: Row, at = 0): Version {
  const packed = Buffer.from(text(row, at), 'hex');
  const length = packed.readInt32BE(HEADER - 4);
  const valueAt = HEADER + Math.abs(length);
  return {
    rawKey: packed.subarray(HEADER, valueAt),
    key: keyOf(packed, HEADER, valueAt),
    revision: wholeAt(packed, 0),
    createRevision: wholeAt(packed, 8),
    version: wholeAt(packed, 16),
    lease: leaseAt(packed, 24),
    position: packed.readInt32BE(32),
    value: length < 0 ? undefined : copyOf(packed, valueAt, packed.length),
  };
}

/** @throws RangeError past the safe integers: it is never rounded */
export function wholeAt(packed: Buffer, at: number): number {
  const value = packed.readInt32BE(at) * 2 ** 32 + packed.readUInt32BE(at + 4);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${packed.readBigInt64BE(at)} is past the safe integers`);
  return value;
}

function leaseAt(packed: Buffer, at: number): string | undefined {
  const lease = packed.readBigInt64BE(at);
  return lease === 0n ? undefined : String(lease);
}

/** Node's own decoder is much faster. Where it may have mangled something, the strict one decides. */
export function keyOf(packed: Buffer, from: number, to: number): string | undefined {
  const key = packed.toString('utf8', from, to);
  return key.includes('\uFFFD') ? decodeUtf8(packed.subarray(from, to)) : key;
}

/** A plain array with memory of its own, that no other value shares. */
function copyOf(packed: Uint8Array, from: number, to: number): Uint8Array {
  return from === to ? NOTHING : new Uint8Array(packed.subarray(from, to));
}

const NOTHING = new Uint8Array(0);

/** The condition of a range on a column. */
export function within({ start, end }: KeyRange, column: string): string {
  const from = `${column} >= ${bytes(start)}`;
  return end === undefined ? from : `${from} AND ${column} < ${bytes(end)}`;
}

/** The condition of versions that are their key's entry at a revision; without one, now. */
export function present(alias: string, revision: number | undefined): string {
  if (revision === undefined) return `${alias}.next_revision IS NULL AND ${alias}.version > 0`;
  const at = integer(revision);
  return `${alias}.revision <= ${at} AND (${alias}.next_revision IS NULL OR ${alias}.next_revision > ${at}) AND ${alias}.version > 0`;
}

/** An entry of a key that is UTF-8. */
export function entryOf(version: Version & { readonly key: string }): KeyValue {
  const { key, value = NOTHING, createRevision, revision, version: count, lease } = version;
  return {
    key,
    value,
    createRevision: createRevision as Revision,
    modRevision: revision as Revision,
    version: count,
    ...(lease !== undefined && { lease }),
  };
}

export function undecodableOf({ rawKey, revision, version }: Version): UndecodableKey {
  return { rawKey: new Uint8Array(rawKey), revision: revision as Revision, deleted: version === 0 };
}

/** An entry of a key that is not, as transactions take it. */
export function rawEntryOf(version: Version): UndecodableEntry {
  const { value = NOTHING, createRevision, revision, version: count, lease } = version;
  return { ...undecodableOf(version), value, createRevision, modRevision: revision, version: count, lease };
}

export function isUtf8(version: Version): version is Version & { readonly key: string } {
  return version.key !== undefined;
}

export interface Entries {
  readonly items: KeyValue[];
  readonly undecodable: UndecodableKey[];
}

/** Sorts versions into entries and keys that are not UTF-8. */
export function entriesOf(versions: readonly Version[]): Entries {
  const items: KeyValue[] = [];
  const undecodable: UndecodableKey[] = [];
  for (const version of versions) {
    if (isUtf8(version)) items.push(entryOf(version));
    else undecodable.push(undecodableOf(version));
  }
  return { items, undecodable };
}
