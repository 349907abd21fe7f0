import { ListPage } from '@holdfast/store/adapter';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Entry } from '../src/entries/entry.js';
import { EntryMap } from '../src/entries/entry-map.js';
import { Slab } from '../src/entries/slab.js';
import { at, kv } from './support/tables.js';

/** A slab of keys `a0`, `a1`, … of revisions from `first` on. */
function slabOf(name: string, count: number, first: number): Slab {
  const items = Array.from({ length: count }, (_, index) => kv(`${name}${index}`, index, first + index));
  return new Slab(new ListPage({ items, bookmark: at(100), count, more: false, undecodable: [] }, false));
}

describe('entries that are made when they are asked for', () => {
  let made: string[];
  let map: EntryMap;
  let slabs: readonly Slab[];

  beforeEach(() => {
    made = [];
    map = new EntryMap(10, (key, slab, index) => {
      made.push(key);
      return { key, value: slab.value(index), ...slab.revisions(index) } as Entry<unknown>;
    });
    slabs = [slabOf('a', 3, 10), slabOf('b', 2, 20), slabOf('c', 2, 30)];
    for (const [name, slab] of [...'abc'].map((each, n) => [each, slabs[n]!] as const)) {
      for (let index = 0; index < slab.length; index += 1) map.defer(`${name}${index}`, slab, index);
    }
  });

  const held = (): Set<Slab | undefined> => new Set([...map.deferred(() => undefined)].map(({ slab }) => slab));

  test('each is made once, and is the same object from then on', () => {
    const entry = map.get('b1');
    expect(entry).toMatchObject({ key: 'b1', modRevision: 21 });
    expect(map.get('b1')).toBe(entry);
    expect([...map.values()].filter((each) => each === entry)).toHaveLength(1);
    expect(made.filter((key) => key === 'b1')).toHaveLength(1);
    expect(map.get('b2')).toBeUndefined();
  });

  test('sizes, keys and revisions are told without one', () => {
    expect([map.size, map.has('a2'), map.has('a3')]).toEqual([7, true, false]);
    expect([...map.keys()]).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'c0', 'c1']);
    expect(map.revisions('c0')).toMatchObject({ modRevision: 30, createRevision: 30, version: 1 });
    expect([...map.allRevisions()].map(([key, { modRevision }]) => `${key}@${modRevision}`)).toEqual([
      'a0@10',
      'a1@11',
      'a2@12',
      'b0@20',
      'b1@21',
      'c0@30',
      'c1@31',
    ]);
    expect(made).toEqual([]);
  });

  test('an iteration makes those that it comes to', () => {
    const [first] = map;
    expect(first?.[1]).toBe(map.get('a0'));
    expect(made).toEqual(['a0']);
    expect([...map.made()]).toEqual([first?.[1]]);
    expect([...map].map(([key]) => key)).toEqual([...map.keys()]);
  });

  test('a slab is let go with the last of its values, however they go', () => {
    const entry = map.get('a0')!;
    map.delete('b0');
    map.set('b1', entry);
    expect(held()).toEqual(new Set([slabs[0], slabs[2]]));
    map.get('a1');
    map.set('a2', entry);
    expect(held()).toEqual(new Set([slabs[2]]));
    expect(map.revisions('c1')).toMatchObject({ modRevision: 31 });
    expect(map.get('c1')).toMatchObject({ modRevision: 31 });
    map.delete('c0');
    expect(held()).toEqual(new Set());
    map.set('c0', entry);
    map.delete('nothing');
    expect(map.size).toBe(6);
  });

  test('a value that is to leave its slab has its entry made for that', () => {
    const left: unknown[] = [];
    for (const user of map.deferred((entry) => left.push(entry))) if (user.slab === slabs[1]) user.leaveSlab();
    expect(left).toEqual([map.get('b0'), map.get('b1')]);
    expect(made).toEqual(['b0', 'b1']);
    expect(held()).toEqual(new Set([slabs[0], slabs[2]]));
  });
});
