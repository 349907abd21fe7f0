import type { KeyRange } from '@holdfast/store/adapter';
import { boundsOf } from '../data/bounds.js';
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
  const bounds = boundsOf({ start, end });
  const range = descending
    ? {
        ...(bounds.end !== undefined && { start: bounds.end }),
        end: bounds.start,
        reverse: true,
        exclusiveStart: true,
        inclusiveEnd: true,
      }
    : bounds;
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
export function countKeys(tables: Tables, range: KeyRange, overlay: Overlay | undefined): number {
  return tables.entries.getKeysCount(boundsOf(range)) + (overlay?.difference(tables) ?? 0);
}
