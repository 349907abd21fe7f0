import { describe, expect, test } from '@jest/globals';
import { LargeMap, mapFor } from '../src/util/large-map.js';

const keyOf = (n: number): string => `services/${n % 7}/routes/r${String(n).padStart(6, '0')}`;

describe('a map of many keys', () => {
  test('is a plain one up to the number at which growing begins to stop the event loop', () => {
    expect(mapFor(131_072)).not.toBeInstanceOf(LargeMap);
    expect(mapFor(131_073)).toBeInstanceOf(LargeMap);
  });

  test('takes little memory, however many keys are announced: a server may say any number', () => {
    for (const keys of [2 ** 42, Infinity, Number.MAX_SAFE_INTEGER])
      expect(new LargeMap(keys).parts.length).toBeLessThanOrEqual(1_024);
    for (const keys of [-1, 0, Number.NaN]) {
      const map = new LargeMap<number>(keys).set('a', 1);
      expect([map.get('a'), map.size, map.parts.length]).toEqual([1, 1, 1]);
    }
  });

  test('behaves like a Map, but for its order', () => {
    const large = new LargeMap<number>(200_000);
    const plain = new Map<string, number>();
    const different: number[] = [];
    for (let n = 0; n < 5_000; n += 1) {
      const key = keyOf((n * 7_919) % 3_000);
      const isSame =
        n % 3 === 0
          ? large.delete(key) === plain.delete(key)
          : large.set(key, n) === large && plain.set(key, n) === plain;
      if (!isSame || large.has(key) !== plain.has(key) || large.get(key) !== plain.get(key)) different.push(n);
    }
    // One assertion for all steps: one for each took most of the test's time.
    expect(different).toEqual([]);
    const sorted = <T>(items: Iterable<T>): T[] => [...items].sort((a, b) => (String(a) < String(b) ? -1 : 1));
    expect(large.size).toBe(plain.size);
    expect(sorted(large)).toEqual(sorted(plain));
    expect(sorted(large.entries())).toEqual(sorted(plain));
    expect(sorted(large.keys())).toEqual(sorted(plain.keys()));
    expect(sorted(large.values())).toEqual(sorted(plain.values()));
    const visited = new Map<string, number>();
    const maps = new Set<unknown>();
    large.forEach((value, key, map) => {
      maps.add(map);
      visited.set(key, value);
    });
    expect(maps.size === 1 && maps.has(large)).toBe(true);
    expect(sorted(visited)).toEqual(sorted(plain));
    large.clear();
    expect([large.size, [...large]]).toEqual([0, []]);
  });

  test('what is added while it is iterated is seen, what is gone is not, as in a Map', () => {
    const large = new LargeMap<number>(200_000);
    for (let n = 0; n < 100; n += 1) large.set(keyOf(n), n);
    const seen = new Set<string>();
    for (const [key, n] of large) {
      seen.add(key);
      large.set(key, -n);
      large.delete(keyOf((n + 50) % 100));
    }
    for (const [key] of large) expect(seen.has(key)).toBe(true);
    expect(large.size).toBeLessThan(100);
    expect(large.size).toBeGreaterThan(0);
  });

  test.each([
    ['counted keys', (n: number) => `r${n}`],
    ['keys that begin alike', keyOf],
    ['keys that end alike', (n: number) => `tenants/${n}/limits/requests-per-second/default`],
    ['long keys', (n: number) => `${'nested/'.repeat(20)}${n}`],
    ['keys of no Latin letters', (n: number) => `маршрут/${n}`],
  ])('%s are spread over its parts', (_what, key) => {
    const large = new LargeMap<number>(300_000);
    for (let n = 0; n < 20_000; n += 1) large.set(key(n), n);
    const sizes = large.parts.map(({ size }) => size);
    expect(sizes).toHaveLength(16);
    expect(Math.max(...sizes)).toBeLessThan(2 * (20_000 / 16));
  });
});
