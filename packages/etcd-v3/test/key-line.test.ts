import { describe, expect, test } from '@jest/globals';
import { KeyLine } from '../src/kv/key-interpolation.js';

describe('where later keys are guessed to lie', () => {
  test.each<readonly [shape: string, keyOf: (index: number) => string]>([
    ['counted with leading zeros', (index) => `/routes/r${String(index).padStart(7, '0')}`],
    ['counted in hexadecimal', (index) => `/routes/${index.toString(16).padStart(8, '0')}`],
    ['hashes', (index) => `/routes/${(index * 41_943).toString(16).padStart(8, '0')}-9f1b`],
    ['words of letters', (index) => `/routes/${letters(index * 40)}`],
  ])('%s: within a fifth of where they are', (_shape, keyOf) => {
    const line = through(keyOf, 1_000, 1_250);
    for (const ahead of [1_000, 10_000, 60_000]) {
      const guess = text(line!.after(bytes(keyOf(1_250)), ahead));
      expect(guess! > keyOf(1_250 + 0.8 * ahead)).toBe(true);
      expect(guess! < keyOf(1_250 + 1.2 * ahead)).toBe(true);
    }
  });

  test('a guess carries over into places that had one digit only', () => {
    const line = through((index) => `/r${String(index).padStart(5, '0')}`, 990, 999, 2);
    expect(text(line!.after(bytes('/r00999'), 101))).toBe('/r01100');
  });

  test('past the last key that there can be, none is guessed', () => {
    const line = through((index) => `/r${String(index).padStart(5, '0')}`, 90_000, 90_250, 2);
    expect(line!.after(bytes('/r90250'), 100_000)).toBeUndefined();
  });

  test('a guess is always after the key that it starts from, or there is none', () => {
    const line = through((index) => `/r${String(index).padStart(5, '0')}`, 0, 250)!;
    for (const key of ['/r', '/r00', '/r00000', '/r99999', '/rzz', '/s', '/', '/q9999', '/r00\u0000', '/r0é']) {
      for (const count of [1, 10, 100_000]) {
        const guess = line.after(bytes(key), count);
        if (guess !== undefined) expect(Buffer.compare(guess, bytes(key))).toBe(1);
      }
    }
  });

  test('nothing is guessed from one key', () => {
    expect(KeyLine.through([bytes('/a')], 0, 1)).toBeUndefined();
    expect(KeyLine.through([], 0, 1)).toBeUndefined();
  });

  test('it keeps nothing of the response that the keys came in', () => {
    const response = Buffer.from('/routes/a1/routes/a2');
    const line = KeyLine.through([response.subarray(0, 10), response.subarray(10, 20)], 1, 8)!;
    const before = text(line.after(bytes('/routes/a2'), 0.5));
    response.fill(0);
    expect(text(line.after(bytes('/routes/a2'), 0.5))).toBe(before);
  });
});

function through(keyOf: (index: number) => string, from: number, to: number, fixed = '/routes/'.length) {
  const keys = Array.from({ length: to - from + 1 }, (_, i) => bytes(keyOf(from + i)));
  return KeyLine.through(keys, to - from, fixed);
}

function letters(index: number): string {
  let word = '';
  let rest = index;
  for (let place = 0; place < 6; place += 1) {
    word = String.fromCharCode(97 + (rest % 26)) + word;
    rest = Math.floor(rest / 26);
  }
  return word;
}

function bytes(key: string): Uint8Array {
  return new TextEncoder().encode(key);
}

function text(key: Uint8Array | undefined): string | undefined {
  return key === undefined ? undefined : new TextDecoder().decode(key);
}
