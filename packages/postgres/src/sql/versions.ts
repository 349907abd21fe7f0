import type { KeyValue, Revision, UndecodableKey } from '@holdfast/store';
import { decodeUtf8, type KeyRange, type UndecodableEntry } from '@holdfast/adapter-kit';
import { bytes, fromHex, integer, number, optional, text, type Row } from './literals.js';

/** One version of a key, as a row of the table. `version` is 0 where the key was deleted. */
export interface Version {
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

/** The columns that {@link versionOf} reads. @param value an expression for the value, or NULL */
export function columns(alias: string, value = `encode(${alias}.value, 'hex')`): string {
  const named = ['revision', 'position', 'create_revision', 'version', 'lease'].map((name) => `${alias}.${name}`);
  return [`encode(${alias}.key, 'hex')`, ...named, value].join(', ');
}

/** How many columns that are. */
export const COLUMNS = 7;

/** @param at the first of the columns */
export function versionOf(row: Row, at = 0): Version {
  const rawKey = fromHex(text(row, at));
  const value = optional(row, at + 6);
  return {
    rawKey,
    key: decodeUtf8(rawKey),
    revision: number(row, at + 1),
    position: number(row, at + 2),
    createRevision: number(row, at + 3),
    version: number(row, at + 4),
    lease: optional(row, at + 5),
    value: value === undefined ? undefined : fromHex(value),
  };
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
  return { rawKey, revision: revision as Revision, deleted: version === 0 };
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
