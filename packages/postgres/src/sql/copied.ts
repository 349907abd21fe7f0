import type { UndecodableKey } from '@holdfast/store';
import type { Revision } from '@holdfast/store';
import { keyOf, wholeAt } from './versions.js';

// Rows of versions as `COPY … (FORMAT binary)` sends them: a count of columns, then each column after its length. Nothing is turned into text, as
// it is in the answer to a SELECT, which doubles the bytes and takes most of the time of a load.
//
//   at:   0      2  6         14 18       26 30       38 42    42 + key  46 + key
//         count  4  revision  4  created  4  version  4  key   4         value

const REVISION = 6;
const CREATED = 18;
const VERSION = 30;
const KEY = 42;
const COLUMNS = 5;

/** A select of versions, in two forms. Both send the same bytes for each of them. */
export interface VersionRows {
  /** The bytes themselves. */
  readonly copy: string;
  /** For a client that can't receive them: as hexadecimal digits, in one column. */
  readonly select: string;
}

/** @param rest what follows the columns: `FROM …` */
export function versionRows(alias: string, withValue: boolean, rest: string): VersionRows {
  const [revision, created, version, key] = ['revision', 'create_revision', 'version', 'key'].map(
    (name) => `${alias}.${name}`,
  ) as [string, string, string, string];
  const value = withValue ? `${alias}.value` : `''::bytea`;
  const numbers = [revision, created, version].map((column) => `int4send(8) || int8send(${column})`);
  const texts = [key, value].map((column) => `int4send(octet_length(${column})) || ${column}`);
  const row = [`int2send(${COLUMNS}::smallint)`, ...numbers, ...texts].join(' || ');
  return {
    copy: `COPY (SELECT ${[revision, created, version, key, value].join(', ')} ${rest}) TO STDOUT (FORMAT binary)`,
    select: `SELECT encode(${row}, 'hex') ${rest}`,
  };
}

/** Where the row that begins at `at` has its value. */
export function valueStart(rows: Buffer, at: number): number {
  return at + KEY + rows.readInt32BE(at + KEY - 4) + 4;
}

export function rowEnd(rows: Buffer, at: number): number {
  const start = valueStart(rows, at);
  return start + rows.readInt32BE(start - 4);
}

/** `undefined` if it is not UTF-8. */
export function keyAt(rows: Buffer, at: number): string | undefined {
  return keyOf(rows, at + KEY, valueStart(rows, at) - 4);
}

/** It shares the memory of the rows. */
export function rawKeyAt(rows: Buffer, at: number): Uint8Array {
  return rows.subarray(at + KEY, valueStart(rows, at) - 4);
}

export function revisionAt(rows: Buffer, at: number): Revision {
  return wholeAt(rows, at + REVISION) as Revision;
}

export function createRevisionAt(rows: Buffer, at: number): Revision {
  return wholeAt(rows, at + CREATED) as Revision;
}

export function versionNumberAt(rows: Buffer, at: number): number {
  return wholeAt(rows, at + VERSION);
}

export function undecodableAt(rows: Buffer, at: number): UndecodableKey {
  const rawKey = new Uint8Array(rawKeyAt(rows, at));
  return { rawKey, revision: revisionAt(rows, at), deleted: versionNumberAt(rows, at) === 0 };
}
