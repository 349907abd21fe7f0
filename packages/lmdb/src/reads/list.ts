import type { Bookmark, KeyValue, ListResult, Revision, SortOrder } from '@holdfast/store';
import { compareBytes, type DriverListOptions, type KeyRange } from '@holdfast/store/adapter';
import { decodeStored } from '../data/records.js';
import { readState, type Tables } from '../database/tables.js';
import type { StoreState } from '../data/state.js';
import { split, toKeyValue, type Found } from './entries.js';
import { checkReadable, entryAt, Overlay } from './past.js';
import { countKeys, walk } from './walk.js';

export function bookmarkOf({ head, identity }: StoreState, revision?: number): Bookmark {
  return { revision: (revision ?? head) as Revision, identity };
}

/** @throws StoreError where the revision can't be read */
export function getEntry(tables: Tables, key: Uint8Array, revision: number | undefined): KeyValue | undefined {
  if (revision !== undefined) checkReadable(readState(tables), revision);
  const entry = revision === undefined ? presentEntry(tables, key) : entryAt(tables, key, revision, decodeStored);
  return entry && toKeyValue(tables, { key, entry });
}

function presentEntry({ entries }: Tables, key: Uint8Array) {
  const bytes = entries.get(key);
  return bytes && decodeStored(bytes);
}

type ListOptions = Omit<DriverListOptions, 'consistency'>;

/**
 * A list. In the order of keys, it walks no further than the limit. Any other order walks the whole range.
 *
 * @throws StoreError where the revision can't be read
 */
export function listEntries(
  tables: Tables,
  range: KeyRange,
  options: ListOptions,
  state = readState(tables),
): ListResult {
  const { revision, keysOnly } = options;
  if (revision !== undefined) checkReadable(state, revision, undefined);
  const overlay = overlayOf(tables, range, revision, state);
  const count = countKeys(tables, range, overlay);
  const bookmark = bookmarkOf(state, revision);
  if (options.countOnly) return { items: [], undecodable: [], count, more: false, bookmark };
  const { found, more } = select(tables, range, options, overlay);
  return { ...split(tables, found, keysOnly), count, more, bookmark };
}

export function overlayOf(
  tables: Tables,
  range: KeyRange,
  revision: number | undefined,
  { head }: StoreState,
): Overlay | undefined {
  if (revision === undefined || revision === head) return undefined;
  const overlay = new Overlay(range, revision);
  overlay.extend(tables, head);
  return overlay;
}

function select(
  tables: Tables,
  range: KeyRange,
  { limit = Infinity, sort, minModRevision }: ListOptions,
  overlay: Overlay | undefined,
): { found: readonly Found[]; more: boolean } {
  const byKey = sort === undefined || sort.target === 'key';
  const found: Found[] = [];
  for (const one of walk(tables, range, { overlay, descending: byKey && sort?.order === 'descend' })) {
    if (one.entry.modRevision < (minModRevision ?? 0)) continue;
    found.push(one);
    // One more than asked for, to know whether there are more.
    if (byKey && found.length > limit) break;
  }
  if (!byKey) found.sort(ordering(sort));
  const more = found.length > limit;
  if (more) found.length = limit;
  return { found, more };
}

function ordering({ target, order }: SortOrder): (a: Found, b: Found) => number {
  const sign = order === 'descend' ? -1 : 1;
  return (a, b) => sign * comparison(target, a, b) || compareBytes(a.key, b.key);
}

function comparison(target: SortOrder['target'], a: Found, b: Found): number {
  switch (target) {
    case 'key':
      return compareBytes(a.key, b.key);
    case 'value':
      return compareBytes(a.entry.value, b.entry.value);
    case 'version':
    case 'createRevision':
    case 'modRevision':
      return a.entry[target] - b.entry[target];
    default:
      return target satisfies never;
  }
}
