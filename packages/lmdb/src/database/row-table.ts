import type { Database, RootDatabase } from 'lmdb';
import { isUtf8 } from 'node:buffer';
import { HEADER } from '../data/records.js';
import type { PackedRows } from './packed-rows.js';

/** A key as text; as bytes where it is not UTF-8. */
export type RowKey = string | Uint8Array;

/** The table of entries, read into {@link PackedRows}. */
export interface RowTable {
  /**
   * Adds the entries of a range to `rows`, and calls `onRow` after each of them, until it gives `false`.
   *
   * @param headersOnly leaves the values out
   */
  readInto(
    rows: PackedRows,
    range: { readonly start: Uint8Array; readonly end?: Uint8Array },
    headersOnly: boolean,
    onRow: (key: RowKey, at: number) => boolean,
  ): void;
}

/** Opens the table of that name once more, for reads alone. */
export function openRowTable(root: RootDatabase<Uint8Array, Uint8Array>, name: string): RowTable {
  let into: PackedRows | undefined;
  let mostBytes = Infinity;
  // `lmdb` calls these with memory of its own, and keeps nothing of it.
  const encoder = {
    encode: refuse,
    decode: (bytes: Uint8Array, length: number): number => into?.add(bytes, Math.min(length, mostBytes)) ?? 0,
  };
  const keyEncoder = {
    writeKey: (key: Uint8Array, target: Uint8Array, start: number): number => {
      target.set(key, start);
      return start + key.length;
    },
    readKey: (source: Buffer, start: number, end: number): RowKey => {
      const key = source.toString('utf8', start, end);
      // Node's decoder puts this in place of what is not UTF-8. It may also be what is there.
      return key.includes('\uFFFD') && !isUtf8(source.subarray(start, end))
        ? new Uint8Array(source.subarray(start, end))
        : key;
    },
  };
  // Its types don't know of encoders.
  const options: object = { name, encoding: 'binary', encoder, keyEncoder };
  const table = root.openDB(options as { name: string }) as unknown as Database<number, RowKey>;
  return {
    readInto: (rows, range, headersOnly, onRow) => {
      into = rows;
      mostBytes = headersOnly ? HEADER : Infinity;
      try {
        for (const { key, value } of table.getRange(range)) if (!onRow(key, value)) return;
      } finally {
        into = undefined;
      }
    },
  };
}

function refuse(): never {
  throw new TypeError('this table is for reads');
}
