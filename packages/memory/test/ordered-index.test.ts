import { describe, expect, test } from '@jest/globals';
import { seeds } from '../../../.ci/test/support/sample.js';
import type { Interval } from '../src/data/byte-string.js';
import { type IndexEntry, OrderedIndex } from '../src/data/ordered-index.js';
import { Random } from './support/random.js';

/** An entry that counts how often the tree looks at it. */
class Entry implements IndexEntry {
  static looks = 0;
  readonly key: string;
  isLive = true;
  changed = 1;

  constructor(key: string) {
    this.key = key;
  }

  get live(): boolean {
    Entry.looks += 1;
    return this.isLive;
  }

  get newest(): number {
    return this.changed;
  }
}

/** A sorted array: what the tree must be equal to. */
class Model {
  readonly entries: Entry[] = [];

  inside({ start, end }: Interval): Entry[] {
    return this.entries
      .filter(({ key }) => key >= start && (end === undefined || key < end))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}

function randomKey(random: Random): string {
  return String.fromCharCode(...Array.from({ length: 1 + random.int(4) }, () => random.pick([0, 47, 97, 98, 255])));
}

function randomInterval(random: Random): Interval {
  const [a, b] = [randomKey(random), randomKey(random)].sort() as [string, string];
  return { start: random.chance(0.2) ? '' : a, end: random.chance(0.2) ? undefined : b };
}

function collect(index: OrderedIndex<Entry>, interval: Interval, options?: Parameters<typeof index.walk>[2]): Entry[] {
  const found: Entry[] = [];
  index.walk(interval, (entry) => found.push(entry) > 0, options);
  return found;
}

function compare(index: OrderedIndex<Entry>, model: Model, random: Random): void {
  const interval = randomInterval(random);
  const inside = model.inside(interval);
  expect(collect(index, interval)).toEqual(inside);
  expect(collect(index, interval, { descending: true })).toEqual([...inside].reverse());
  expect(index.count(interval)).toBe(inside.filter(({ isLive }) => isLive).length);
  const key = randomKey(random);
  expect(index.get(key)).toBe(model.entries.find((entry) => entry.key === key));
}

describe('OrderedIndex', () => {
  test.each(seeds(1, 4))('equals a sorted array whatever is inserted, changed and removed (seed %i)', (seed) => {
    const random = new Random(seed);
    const index = new OrderedIndex<Entry>();
    const model = new Model();
    // It grows, then shrinks to nothing, so that nodes both split and merge.
    for (let step = 0; step < 6_000; step++) {
      const growing = step < 3_000;
      const existing = model.entries.length > 0 ? random.pick(model.entries) : undefined;
      const action = random.next();
      if (action < (growing ? 0.6 : 0.1)) {
        const entry = new Entry(randomKey(random));
        if (index.get(entry.key) === undefined) {
          index.insert(entry);
          model.entries.push(entry);
        }
      } else if (existing !== undefined && action < 0.75) {
        const delta = existing.isLive ? -1 : 1;
        existing.isLive = !existing.isLive;
        existing.changed = step;
        index.touch(existing, delta);
      } else if (existing !== undefined) {
        index.remove(existing);
        model.entries.splice(model.entries.indexOf(existing), 1);
      }
      if (step % 20 === 0) {
        index.check();
        compare(index, model, random);
      }
    }
    for (const entry of model.entries.splice(0)) index.remove(entry);
    expect(index.size).toBe(0);
    expect(collect(index, { start: '', end: undefined })).toEqual([]);
    expect(index.check().depth).toBe(1);
  });

  test('keys that come in order fill their nodes, and a million lie four deep', () => {
    const index = filled(100_000);
    expect(index.check().depth).toBe(3);
    expect(index.size).toBe(100_000);
  });

  test('a tree that shrank keeps no narrow nodes', () => {
    const index = new OrderedIndex<Entry>();
    const entries = Array.from({ length: 20_000 }, (_, i) => new Entry(keyOf(i)));
    for (const entry of entries) index.insert(entry);
    // Every 200th stays.
    entries.forEach((entry, i) => {
      if (i % 200 !== 0) index.remove(entry);
    });
    index.check();
    expect(index.check().depth).toBeLessThanOrEqual(2);
  });

  test('counting looks at a few entries, not at the range', () => {
    const index = filled(100_000);
    Entry.looks = 0;
    expect(index.count({ start: keyOf(100), end: keyOf(99_900) })).toBe(99_800);
    expect(Entry.looks).toBeLessThan(200);
  });

  test('counting at a past revision enters only what changed since', () => {
    const index = filled(100_000);
    const changed = index.get(keyOf(50_000))!;
    changed.isLive = false;
    changed.changed = 7;
    index.touch(changed, -1);
    let asked = 0;
    const count = index.countAt({ start: '', end: undefined }, 6, (entry) => {
      asked += 1;
      return entry === changed || entry.isLive;
    });
    expect(count).toBe(100_000);
    expect(asked).toBeLessThan(200);
  });

  test('a walk can skip what did not change', () => {
    const index = filled(100_000);
    const changed = index.get(keyOf(12_345))!;
    changed.changed = 9;
    index.touch(changed, 0);
    const visited = collect(index, { start: '', end: undefined }, { wanted: ({ newest }) => newest > 8 });
    expect(visited.filter((entry) => entry.changed > 8)).toEqual([changed]);
    expect(visited.length).toBeLessThan(100);
  });
});

function keyOf(i: number): string {
  return `/k/${String(i).padStart(7, '0')}`;
}

function filled(size: number): OrderedIndex<Entry> {
  const index = new OrderedIndex<Entry>();
  for (let i = 0; i < size; i++) index.insert(new Entry(keyOf(i)));
  return index;
}
