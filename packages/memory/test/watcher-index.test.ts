import { describe, expect, test } from '@jest/globals';
import type { Range } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { bytesToByteString, keyToByteString } from '../src/data/byte-string.js';
import { WatcherIndex, watchScope } from '../src/watch/watcher-index.js';
import { Random } from './support/random.js';

function found(index: WatcherIndex<string>, key: string): string[] {
  const watchers: string[] = [];
  index.match(keyToByteString(key), (watcher) => watchers.push(watcher));
  return watchers.sort();
}

describe('WatcherIndex', () => {
  test('finds the watches of a key, whatever form their ranges have, and only those', () => {
    const ranges: Record<string, Range> = {
      key: '/a/b',
      prefix: { prefix: '/a/' },
      everything: { prefix: '' },
      interval: { start: '/a', end: '/a/c' },
      open: { start: '/a/b' },
      elsewhere: { prefix: '/b/' },
      longer: { prefix: '/a/bc' },
    };
    const index = new WatcherIndex<string>();
    for (const [name, range] of Object.entries(ranges)) index.add(watchScope(KeyRange.from(range)), name);
    expect(found(index, '/a/b')).toEqual(['everything', 'interval', 'key', 'open', 'prefix']);
    expect(found(index, '/b/')).toEqual(['elsewhere', 'everything', 'open']);
    for (const [name, range] of Object.entries(ranges)) index.remove(watchScope(KeyRange.from(range)), name);
    expect(found(index, '/a/b')).toEqual([]);
  });

  test('knows an interval that is a prefix for what it is', () => {
    expect(watchScope(KeyRange.from({ start: '/a/', end: '/a0' }))).toEqual({ kind: 'prefix', prefix: '/a/' });
    expect(watchScope(KeyRange.from({ start: '/a/', end: '/a1' })).kind).toBe('interval');
    expect(watchScope(KeyRange.from({ start: '/a/' })).kind).toBe('interval');
  });

  test('equals asking every range, while watches come and go', () => {
    const random = new Random(3);
    const index = new WatcherIndex<KeyRange>();
    const present = new Set<KeyRange>();
    const key = () =>
      Array.from({ length: 1 + random.int(3) }, () => random.pick(['a', 'b', 'é', '\u{10000}'])).join('');
    const range = (): KeyRange => {
      if (random.chance(0.3)) return KeyRange.ofKey(key());
      if (random.chance(0.5)) return KeyRange.ofPrefix(random.chance(0.1) ? '' : key());
      const bounds = [key(), key()].map((bound) => Buffer.from(bound)).sort((a, b) => Buffer.compare(a, b));
      const [start, end] = bounds as [Buffer, Buffer];
      return start.equals(end) ? KeyRange.ofInterval(start, undefined) : KeyRange.ofInterval(start, end);
    };
    for (let step = 0; step < 3_000; step++) {
      if (random.chance(0.55)) {
        const added = range();
        index.add(watchScope(added), added);
        present.add(added);
      } else if (present.size > 0) {
        const removed = random.pick([...present]);
        index.remove(watchScope(removed), removed);
        present.delete(removed);
      }
      const bytes = random.chance(0.9) ? Buffer.from(key()) : Uint8Array.of(97, random.int(256));
      const matched = new Set<KeyRange>();
      index.match(bytesToByteString(bytes), (one) => matched.add(one));
      expect(matched).toEqual(new Set([...present].filter((one) => one.contains(Uint8Array.from(bytes)))));
    }
  });
});
