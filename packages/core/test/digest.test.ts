import { encodeUtf8 } from '@holdfast/store/adapter';
import { expect, test } from '@jest/globals';
import { digest } from '../src/entries/digest.js';
import { crc32ByTable } from '../src/util/crc32.js';

test('the table gives the check value of CRC-32', () => {
  expect(crc32ByTable(encodeUtf8('123456789'))).toBe(0xcbf43926);
  expect(crc32ByTable(new Uint8Array())).toBe(0);
});

test("Node's own and the table agree, and length counts too", () => {
  for (const value of ['', 'a', 'ab', 'ü'.repeat(1_000)]) {
    const bytes = encodeUtf8(value);
    expect(digest(bytes)).toBe(bytes.length * 2 ** 32 + crc32ByTable(bytes));
    expect(Number.isSafeInteger(digest(bytes))).toBe(true);
  }
  expect(Number.isSafeInteger(digest(new Uint8Array(2 ** 22 + 5)))).toBe(true);
});
