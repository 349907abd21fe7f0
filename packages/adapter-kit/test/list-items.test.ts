import { describe, expect, test } from '@jest/globals';
import { toRevision, type KeyValue, type SortOrder } from '@holdfast/store';
import { compareHolds, KeyRange, listItems, type DriverCompare } from '@holdfast/adapter-kit';

const ALL = { limit: undefined, keysOnly: false, countOnly: false, minModRevision: undefined, sort: undefined };
const entry = (key: string, revision: number, value = '', more: Partial<KeyValue> = {}): KeyValue => ({
  key,
  value: new TextEncoder().encode(value),
  createRevision: toRevision(revision),
  modRevision: toRevision(revision),
  version: 1,
  ...more,
});
const raw = (revision: number, ...rawKey: number[]) => ({
  rawKey: Uint8Array.from(rawKey),
  revision: toRevision(revision),
  deleted: false,
});
const items = [entry('b', 3, '1'), entry('\u{1F600}', 2, '9'), entry('\uFF61', 5, '5'), entry('a', 4, '1')];
const keys = (list: { readonly items: readonly KeyValue[] }) => list.items.map(({ key }) => key);

describe('listItems', () => {
  test('sorts by the bytes of keys, and counts all whatever the limit', () => {
    const list = listItems(items, { ...ALL, limit: 3 });
    expect(keys(list)).toEqual(['a', 'b', '\uFF61']);
    expect(list).toMatchObject({ count: 4, more: true });
    expect(listItems(items, { ...ALL, limit: 4 }).more).toBe(false);
  });

  test('filters before it cuts, and not what it counts', () => {
    const list = listItems(items, { ...ALL, limit: 1, minModRevision: toRevision(4) });
    expect([keys(list), list.count, list.more]).toEqual([['a'], 4, true]);
  });

  test.each<[SortOrder['target'], string]>([
    ['modRevision', '\u{1F600}ba\uFF61'],
    ['createRevision', '\u{1F600}ba\uFF61'],
    ['value', 'ab\uFF61\u{1F600}'],
    ['version', 'ab\uFF61\u{1F600}'],
    ['key', 'ab\uFF61\u{1F600}'],
  ])('sorts by %s; what is equal in the order of keys', (target, expected) => {
    expect(keys(listItems(items, { ...ALL, sort: { target, order: 'ascend' } })).join('')).toBe(expected);
  });

  test('gives keys alone without value and lease, and only a count where asked', () => {
    const leased = [entry('a', 1, 'x', { lease: '7' })];
    expect(listItems(leased, { ...ALL, keysOnly: true }).items).toEqual([entry('a', 1)]);
    expect(listItems(leased, { ...ALL, countOnly: true })).toEqual({
      items: [],
      undecodable: [],
      count: 1,
      more: false,
    });
  });

  test('lists keys that are not UTF-8 among the others, and counts them', () => {
    const list = listItems(items, { ...ALL, limit: 2 }, [raw(7, 0x61, 0xff)]);
    expect([keys(list), list.undecodable, list.count, list.more]).toEqual([['a'], [raw(7, 0x61, 0xff)], 5, true]);
  });
});

describe('compareHolds', () => {
  const compare = (target: string, op: string, value: unknown) =>
    ({ range: KeyRange.ofKey('a'), target, op, value }) as DriverCompare;
  test('of a key that is not there compares zeros, and no value', () => {
    expect(compareHolds(compare('version', '=', 0), [])).toBe(true);
    expect(compareHolds(compare('createRevision', '>', 0), [])).toBe(false);
    expect(compareHolds(compare('lease', '=', '0'), [])).toBe(true);
    for (const op of ['=', '!=']) expect(compareHolds(compare('value', op, new Uint8Array(0)), [])).toBe(false);
  });

  test('tells whether a key is there also of entries without a version', () => {
    const { version: _, ...bare } = entry('a', 3);
    expect(compareHolds(compare('version', '>', 0), [bare])).toBe(true);
    expect(compareHolds(compare('version', '=', 0), [bare])).toBe(false);
  });

  test('of a range needs every key', () => {
    expect(compareHolds(compare('modRevision', '<', 5), [entry('a', 3), entry('b', 4)])).toBe(true);
    expect(compareHolds(compare('modRevision', '<', 4), [entry('a', 3), entry('b', 4)])).toBe(false);
  });
});
