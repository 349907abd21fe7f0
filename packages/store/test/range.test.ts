import { describe, expect, test } from '@jest/globals';
import { isStoreError, type Range } from '@holdfast/store';
import { KeyRange, prefixEnd } from '@holdfast/store/adapter';

const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex');

describe('ranges are half-open byte intervals', () => {
  test('one key: up to its immediate successor', () => {
    for (const range of [KeyRange.from('ab'), KeyRange.from({ key: 'ab' })]) {
      expect([hex(range.start), hex(range.end)]).toEqual(['6162', '616200']);
      expect(range.contains('ab')).toBe(true);
      expect(range.contains('ab\u0000')).toBe(false);
    }
  });

  test('a prefix is a plain string prefix', () => {
    const range = KeyRange.from({ prefix: '/a' });
    expect([hex(range.start), hex(range.end)]).toEqual(['2f61', '2f62']);
    expect(['/a', '/ab', '/a/b', '/b', '/'].map((key) => range.contains(key))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  test("trap 13: '/a' matches '/ab', and '/a/' matches only what is below it", () => {
    const keys = ['/a', '/a-b', '/a/', '/a/b', '/ab', '/a0'];
    const below = (prefix: string) => keys.filter((key) => KeyRange.from({ prefix }).contains(key));
    expect(below('/a')).toEqual(keys);
    expect(below('/a/')).toEqual(['/a/', '/a/b']);
  });

  test('the empty prefix is everything, and starts at the smallest key', () => {
    const range = KeyRange.from({ prefix: '' });
    expect([hex(range.start), range.end]).toEqual(['00', undefined]);
    expect(range.contains(Uint8Array.of(0xff, 0xff))).toBe(true);
    expect(range.contains('\u0000')).toBe(true);
  });

  test('a prefix that ends in 0xff carries, and all-0xff has no end', () => {
    expect(hex(prefixEnd(Uint8Array.of(0x61, 0xff)))).toBe('62');
    expect(prefixEnd(Uint8Array.of(0xff, 0xff))).toBeUndefined();
    const given = Buffer.from('ab');
    expect(hex(prefixEnd(given))).toBe('6163');
    expect(given.toString()).toBe('ab');
  });

  test('the end of a prefix need not be UTF-8', () => {
    // "é" is c3 a9; its successor c3 aa is "ê", but that of U+07FF (df bf) is df c0.
    const range = KeyRange.from({ prefix: '\u07ff' });
    expect(hex(range.end)).toBe('dfc0');
    expect(range.contains('\u07ffx')).toBe(true);
    expect(range.contains('\u0800')).toBe(false);
  });

  test('bounds may be left out, or be bytes', () => {
    expect(KeyRange.from({ start: 'b' }).contains('zzz')).toBe(true);
    expect(KeyRange.from({ end: 'b' }).contains('a')).toBe(true);
    expect(KeyRange.from({ start: Uint8Array.of(0xfe) }).contains(Uint8Array.of(0xff))).toBe(true);
  });

  test('contains agrees for strings and bytes', () => {
    for (const given of ['k', { prefix: 'k' }, { start: 'j', end: 'l' }] satisfies Range[]) {
      const range = KeyRange.from(given);
      for (const key of ['i', 'j', 'k', 'k\u0000', 'ka', 'l', '\u{10000}']) {
        expect(range.contains(key)).toBe(range.contains(Buffer.from(key)));
      }
    }
  });
});

describe('intersections', () => {
  test.each<[Range, Range, Range | undefined]>([
    [{ prefix: '/a/' }, { prefix: '/a/b' }, { prefix: '/a/b' }],
    [{ prefix: '/a/b' }, { prefix: '' }, { prefix: '/a/b' }],
    [{ prefix: '/a/' }, { key: '/a/x' }, { key: '/a/x' }],
    [{ prefix: '/a/' }, { prefix: '/b/' }, undefined],
    [
      { start: 'a', end: 'm' },
      { start: 'f', end: 'z' },
      { start: 'f', end: 'm' },
    ],
    [{ start: 'a', end: 'b' }, { start: 'b', end: 'c' }, undefined],
    [{ start: 'a' }, { end: 'c' }, { start: 'a', end: 'c' }],
  ])('%p and %p', (a, b, expected) => {
    expect(KeyRange.from(a).intersect(KeyRange.from(b))?.toRange()).toEqual(expected);
    expect(KeyRange.from(b).intersect(KeyRange.from(a))?.toRange()).toEqual(expected);
  });
});

describe('bad ranges are refused', () => {
  test.each([
    { start: '', end: '\0' },
    { start: Uint8Array.of(), end: Uint8Array.of(0) },
    { start: '', end: Uint8Array.of(0) },
  ])('trap 19: an interval before the first key holds nothing: %p', (range) => {
    expect(() => KeyRange.from(range)).toThrow('the range is empty');
  });

  test('trap 19: bytes that the caller changes later change no range', () => {
    const [start, end] = [Uint8Array.of(0x61), Uint8Array.of(0x62)];
    const range = KeyRange.from({ start, end });
    start[0] = end[0] = 0;
    expect([hex(range.start), hex(range.end)]).toEqual(['61', '62']);
  });

  test.each([
    '',
    { key: '' },
    { key: '\ud800' },
    { prefix: '\ud800' },
    { prefix: 5 },
    {},
    null,
    undefined,
    5,
    { key: 'a', prefix: 'b' },
    { prefix: 'a', end: 'b' },
    { start: 'b', end: 'a' },
    { start: 'a', end: 'a' },
    { start: '\udfff' },
    { start: '', end: '' },
    { start: '\0', end: '\0' },
    { end: '' },
    { end: '\0' },
    { strat: 'a' },
  ])('%p', (range) => {
    let error: unknown;
    try {
      KeyRange.from(range as Range);
    } catch (caught) {
      error = caught;
    }
    expect(isStoreError(error, 'invalid-argument')).toBe(true);
  });
});
