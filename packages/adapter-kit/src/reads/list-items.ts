import type { KeyValue, ListResult, SortOrder, UndecodableKey } from '@holdfast/store';
import { compareBytes, compareKeys, encodeUtf8, type DriverListOptions } from '@holdfast/store/adapter';

const NO_VALUE = new Uint8Array(0);

/**
 * The answer to a list, but for its bookmark, made of all entries of the range: `{ ...listItems(items, options), bookmark }`. It filters,
 * sorts, cuts and counts as the options say. The entries may come in any order.
 *
 * @param undecodable the keys of the range that are not UTF-8
 */
export function listItems(
  items: Iterable<KeyValue>,
  options: Omit<DriverListOptions, 'revision' | 'consistency'>,
  undecodable: readonly UndecodableKey[] = [],
): Omit<ListResult, 'bookmark'> {
  const { limit = Infinity, countOnly, keysOnly, minModRevision = 0, sort } = options;
  const all = [...items];
  const count = all.length + undecodable.length;
  if (countOnly) return { items: [], undecodable: [], count, more: false };
  const rows = [
    ...all.map((item) => ({ revision: item.modRevision, item })),
    ...undecodable.map((raw) => ({ revision: raw.revision, raw })),
  ].filter(({ revision }) => revision >= minModRevision);
  rows.sort(ordering(sort));
  const kept = rows.slice(0, limit);
  return {
    items: kept.flatMap((row) => ('item' in row ? [keysOnly ? keyOf(row.item) : row.item] : [])),
    undecodable: kept.flatMap((row) => ('raw' in row ? [row.raw] : [])),
    count,
    more: rows.length > kept.length,
  };
}

/** An entry as lists of keys give it: without value and lease. */
function keyOf({ lease: _, ...entry }: KeyValue): KeyValue {
  return { ...entry, value: NO_VALUE };
}

type Row = { readonly item: KeyValue } | { readonly raw: UndecodableKey };

function ordering({ target, order }: SortOrder = { target: 'key', order: 'ascend' }): (a: Row, b: Row) => number {
  const sign = order === 'descend' ? -1 : 1;
  return (a, b) => {
    if (target === 'key') return sign * compareRowKeys(a, b);
    // Keys that are not UTF-8 have no more than their revision here: they come first. Equal entries are in the order of their keys.
    if (!('item' in a) || !('item' in b)) return Number('item' in a) - Number('item' in b) || compareRowKeys(a, b);
    return sign * compareBy(target, a.item, b.item) || compareRowKeys(a, b);
  };
}

function compareRowKeys(a: Row, b: Row): number {
  if ('item' in a && 'item' in b) return compareKeys(a.item.key, b.item.key);
  const bytes = (row: Row) => ('item' in row ? encodeUtf8(row.item.key) : row.raw.rawKey);
  return compareBytes(bytes(a), bytes(b));
}

function compareBy(target: Exclude<SortOrder['target'], 'key'>, a: KeyValue, b: KeyValue): number {
  switch (target) {
    case 'version':
      return (a.version ?? 0) - (b.version ?? 0);
    case 'createRevision':
      return a.createRevision - b.createRevision;
    case 'modRevision':
      return a.modRevision - b.modRevision;
    case 'value':
      return compareBytes(a.value, b.value);
    default:
      return target satisfies never;
  }
}
