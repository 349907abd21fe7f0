import { describe, expect, test } from '@jest/globals';
import { StoreError } from '@holdfast/store';
import { compareBytes, compareKeys, decodeUtf8, encodeUtf8 } from '@holdfast/store/adapter';
import { checkKey, toValueBytes } from '../src/bytes.js';

const TRICKY = [
  '',
  'a',
  'a\u0000',
  'ab',
  'b',
  'é',
  '\u{7ff}',
  '\u{800}',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '\u{10000}',
  '\u{1f600}',
  '\u{10ffff}',
];

describe('keys order by UTF-8 bytes', () => {
  test('for every pair of tricky strings, alone and behind a common prefix', () => {
    const strings = [...TRICKY, ...TRICKY.map((text) => `x${text}`), ...TRICKY.map((text) => `\u{10000}${text}`)];
    for (const a of strings) {
      for (const b of strings) {
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }
    }
  });

  test('where UTF-16 order would differ', () => {
    expect('\uffff' < '\u{10000}').toBe(false);
    expect(compareKeys('\uffff', '\u{10000}')).toBeLessThan(0);
  });

  test('compareBytes puts a prefix first and compares unsigned', () => {
    expect(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0))).toBeLessThan(0);
    expect(compareBytes(Uint8Array.of(0x7f), Uint8Array.of(0x80))).toBeLessThan(0);
    expect(compareBytes(Uint8Array.of(5), Uint8Array.of(5))).toBe(0);
  });
});

describe('bytes are never mangled', () => {
  test.each([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]])(
    '%p is not UTF-8',
    (...bytes) => {
      expect(decodeUtf8(Uint8Array.from(bytes))).toBeUndefined();
    },
  );

  test('a byte order mark is a character like others', () => {
    expect(decodeUtf8(encodeUtf8('\ufeffa'))).toBe('\ufeffa');
  });
});

describe('bad keys and values are refused with what to do', () => {
  test.each(['', '\ud800', 'a\udc00b', 5, null, undefined, ['a']])('key %p', (key) => {
    expect(() => {
      checkKey(key);
    }).toThrow(StoreError);
  });

  test.each([5, null, undefined, {}, '\ud800'])('value %p', (value) => {
    expect(() => toValueBytes(value, 'the value')).toThrow(/the value/);
  });
});
