import type { KeyRange } from '@holdfast/store/adapter';
import { decodeStored } from '../data/records.js';
import type { Tables } from '../database/tables.js';
import type { Found } from './entries.js';
import { replacedEntry, type Overlay } from './past.js';

export interface WalkOptions {
  /** The state of a past revision: what has changed since. */
  readonly overlay?: Overlay | undefined;
  readonly descending?: boolean;
  /** Where to begin, within the range. Default: its start. Not with `descending`. */
  readonly start?: Uint8Array;
}

/** Gives the entries of a range, in the order of their keys. */
export function* walk(tables: Tables, range: KeyRange, options: WalkOptions = {}): Generator<Found, void, undefined> {
  const { overlay, descending = false, start = range.start } = options;
  if (overlay === undefined || overlay.isEmpty) {
    yield* present(tables, range, start, descending);
    return;
  }
  const past = [...overlay.past(start)];
  if (descending) past.reverse();
  const sign = descending ? -1 : 1;
  let next = 0;
  for (const found of present(tables, range, start, descending)) {
    if (overlay.has(found.key)) continue;
    for (; next < past.length; next++) {
      const before = past[next];
      if (before === undefined || sign * Buffer.compare(before.key, found.key) > 0) break;
      yield* replaced(tables, before);
    }
    yield found;
  }
  for (; next < past.length; next++) {
    const before = past[next];
    if (before !== undefined) yield* replaced(tables, before);
  }
}

function* present(
  { entries }: Tables,
  { end }: KeyRange,
  start: Uint8Array,
  descending: boolean,
): Generator<Found, void, undefined> {
  const range = descending
    ? {
        ...(end === undefined ? {} : { start: end }),
        end: start,
        reverse: true,
        exclusiveStart: true,
        inclusiveEnd: true,
      }
    : { start, ...(end === undefined ? {} : { end }) };
  for (const { key, value } of entries.getRange(range)) yield { key, entry: decodeStored(value) };
}

function* replaced(
  tables: Tables,
  { key, modRevision }: { readonly key: Buffer; readonly modRevision: number },
): Generator<Found, void, undefined> {
  const entry = replacedEntry(tables, key, modRevision);
  if (entry !== undefined) yield { key, entry };
}

/** How many keys a range has, or had. */
export function countKeys(tables: Tables, { start, end }: KeyRange, overlay: Overlay | undefined): number {
  const now = tables.entries.getKeysCount({ start, ...(end !== undefined && { end }) });
  return now + (overlay?.difference(tables) ?? 0);
}
