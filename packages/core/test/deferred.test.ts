import type { KeyValue } from '@holdfast/store';
import { ListPage, Slicer } from '@holdfast/store/adapter';
import { describe, expect, test } from '@jest/globals';
import { seeds } from '../../../.ci/test/support/sample.js';
import { applyBatch } from '../src/table/apply.js';
import { RevisionDiff } from '../src/table/revision-diff.js';
import { Slab } from '../src/entries/slab.js';
import { ScanCheck } from '../src/util/answers.js';
import type { Table } from '../src/table/table.js';
import { at, batch, clock, content, kv, newTable, put, remove, restore } from './support/tables.js';

const KEYS = Array.from({ length: 40 }, (_, n) => `/p/${['a/', 'b/', ''][n % 3]}${String(n).padStart(2, '0')}`).concat(
  '/p/one',
);

/** What the store would have, by key. */
type Truth = Map<string, KeyValue>;

/** A generator of numbers, the same for the same seed. */
function randomOf(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => (state = (state * 48_271) % 2_147_483_647) % limit;
}

function list(truth: Truth): readonly KeyValue[] {
  return [...truth.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** All that can be asked of a table, but for what makes entries. */
function known(table: Table): unknown {
  return {
    keys: [...table.keys()].sort(),
    revisions: [...table.modRevisions()].sort((a, b) => a - b),
    fingerprint: table.fingerprint(),
    problems: [...table.problems()].map(({ key, revision }) => `${key}@${revision}`).sort(),
    version: table.version,
  };
}

/** A page that tells whether a key is there without giving it. */
class KeyedPage extends ListPage {
  isKey(index: number, head: string, rest: string): boolean {
    return this.key(index) === head + rest;
  }
}

/** What a diff says, which is the same whether pages tell of keys or only give them. */
async function diffOf(
  table: Table,
  items: readonly KeyValue[],
  revision: number,
): Promise<{ readonly follows: boolean }> {
  const told = [];
  for (const Kind of [ListPage, KeyedPage]) {
    const bare = items.map((item) => ({ ...item, value: new Uint8Array() }));
    const list = { items: bare, bookmark: at(revision), count: items.length, more: false, undecodable: [] };
    const diff = new RevisionDiff(table);
    const follows = await diff.add(new Kind(list, false), new Slicer(clock), new ScanCheck(table.range));
    // After a contradiction nothing else is asked for.
    if (!follows) told.push({ follows });
    else told.push({ follows, changed: [...diff.changed], deletions: diff.hasDeletions, sample: diff.sample });
  }
  const [plain = { follows: false }, keyed] = told;
  expect(keyed).toEqual(plain);
  return plain;
}

describe('a lazy table whose entries are made when they are read', () => {
  test.each(seeds(1, 20))('is no other than one whose entries were made by the load: seed %i', async (seed) => {
    const below = randomOf(seed);
    const truth: Truth = new Map();
    const write = (key: string, revision: number): KeyValue => {
      const before = truth.get(key);
      const value = below(5) === 0 ? 'not JSON' : { n: revision };
      const item = { ...kv(key, value, revision, before?.createRevision), version: (before?.version ?? 0) + 1 };
      truth.set(key, item);
      return item;
    };
    for (const key of KEYS) if (below(3) > 0) write(key, 1 + below(9));
    const [made, deferred] = [newTable({ decode: 'lazy' }), newTable({ decode: 'lazy' })];
    const tables = [made, deferred];
    await restore(made, 10, list(truth));
    await restore(deferred, 10, list(truth), { collect: false });
    const pick = (): string => KEYS[below(KEYS.length)] ?? '';

    for (let revision = 11; revision < 150; revision += 1) {
      const key = pick();
      const doing = below(10);
      if (doing < 4) {
        const item = write(key, revision);
        const event = { ...put(key, 0, revision), current: item };
        for (const table of tables) await applyBatch(table, batch(revision, [event]));
      } else if (doing < 6) {
        truth.delete(key);
        for (const table of tables) await applyBatch(table, batch(revision, [remove(key, revision)]));
      } else if (doing < 8) {
        const found = tables.map((table) => {
          const collection = table.layout.find(key);
          return collection?.get(collection.relative(key))?.value;
        });
        expect(found[1]).toEqual(found[0]);
      } else if (doing === 8 && below(4) === 0) {
        write(key, revision);
        for (const table of tables) await restore(table, revision, list(truth), { collect: table === made });
      } else {
        for (const table of tables) await table.tidy();
      }
      expect(known(deferred)).toEqual(known(made));
      if (revision % 20 === 0) {
        const later = new Map(truth);
        for (const gone of KEYS.slice(0, below(3))) later.delete(gone);
        const [before, after] = [
          await diffOf(made, list(later), revision),
          await diffOf(deferred, list(later), revision),
        ];
        expect(after).toEqual(before);
      }
    }
    expect(content(deferred)).toEqual(content(made));
    expect(known(deferred)).toEqual(known(made));
  });

  test('makes none while it is only compared with the store', async () => {
    const table = newTable({ single: true, decode: 'lazy' });
    const items = KEYS.map((key, n) => kv(key, { n }, n + 1));
    await restore(table, 100, items, { collect: false });
    const [collection] = table.collections;
    expect(table.has('/p/one')).toBe(true);
    await diffOf(table, list(new Map(items.map((item) => [item.key, item]))), 100);
    void table.fingerprint();
    const users = [...collection!.slabUsers()];
    expect(users).toHaveLength(KEYS.length);
    expect(users.every(({ slab }) => slab instanceof Slab)).toBe(true);
    expect(users.some((user) => 'value' in user)).toBe(false);
  });
});

describe.each(['lazy', 'eager'] as const)('a comparison of a table with pages of keys, %s', (decode) => {
  const items = KEYS.toSorted().map((key, n) => kv(key, { n }, n + 1));
  const loaded = async (): Promise<Table> => {
    const table = newTable({ decode });
    await restore(table, 100, items, { collect: false });
    return table;
  };

  test('finds every entry that is unchanged', async () => {
    const table = await loaded();
    await expect(diffOf(table, items, 200)).resolves.toMatchObject({ follows: true, changed: [], deletions: false });
    const [, ...others] = items;
    await expect(diffOf(table, others, 200)).resolves.toMatchObject({ follows: true, changed: [], deletions: true });
  });

  test.each([
    ['a later one', { modRevision: 150, version: 2 }, true],
    ['an earlier one', { modRevision: 7 }, false],
    ['one of the same revision, but created at another', { createRevision: 3 }, false],
    ['one of the same revision, but with another version', { version: 9 }, false],
  ])('tells each version from %s', async (_what, other, follows) => {
    const table = await loaded();
    // Of the keys without a collection less is known.
    for (const index of items.keys()) {
      if (table.unclaimed.has(items[index]!.key)) continue;
      const changed = items.map((item, n) => (n === index ? ({ ...item, ...other } as KeyValue) : item));
      await expect(diffOf(table, changed, 200)).resolves.toMatchObject({ follows });
    }
  });

  test('refuses keys that come twice, or out of order', async () => {
    const table = await loaded();
    for (let index = 1; index < items.length; index += 1) {
      const twice = [...items.slice(0, index), ...items.slice(index - 1)];
      await expect(diffOf(table, twice, 200)).resolves.toEqual({ follows: false });
      const [first, second] = items.slice(index - 1, index + 1);
      const swapped = [...items.slice(0, index - 1), second!, first!, ...items.slice(index + 1)];
      await expect(diffOf(table, swapped, 200)).resolves.toEqual({ follows: false });
    }
  });

  test('takes a bad value for what the store has, not the last good one that is shown', async () => {
    const table = await loaded();
    const bad = { ...kv('/p/one', 'not JSON', 150, 41), version: 2 };
    await applyBatch(table, batch(150, [{ type: 'put', revision: bad.modRevision, current: bad, isCreate: false }]));
    expect(table.layout.find('/p/one')?.get('one')?.value).toBeDefined();
    await expect(diffOf(table, items, 200)).resolves.toEqual({ follows: false });
    await expect(diffOf(table, [...items.slice(0, -1), bad], 200)).resolves.toMatchObject({
      follows: true,
      changed: [],
    });
  });
});
