import type { KeyValue, ListResult, Revision } from '@holdfast/store';
import { describe, expect, test } from '@jest/globals';
import { seeds } from '../../../.ci/test/support/sample.js';
import { applyBatch } from '../src/table/apply.js';
import { matchesFingerprint } from '../src/table/fingerprint.js';
import { compareWithDelta, type Delta, patch } from '../src/table/patch.js';
import type { Table } from '../src/table/table.js';
import { at, batch, content, kv, newTable, put, raw, remove, restore } from './support/tables.js';

async function loaded(table = newTable()): Promise<Table> {
  await restore(table, 10, [
    kv('/p/a/1', 1, 2),
    kv('/p/a/2', 2, 3),
    kv('/p/b/1', 'not JSON', 4),
    kv('/p/one', 7, 5),
    kv('/p/other', 'unclaimed', 6),
  ]);
  return table;
}

describe('apply', () => {
  test('net changes: one a key, from what it was to what it is', async () => {
    const table = await loaded();
    const before = table.collections[0]!.entries.get('1');
    const step = await applyBatch(
      table,
      batch(20, [
        put('/p/a/1', 11, 11, 2),
        remove('/p/a/1', 12),
        put('/p/a/1', 13, 13),
        put('/p/a/new', 1, 14),
        remove('/p/a/new', 15),
        remove('/p/a/2', 16),
        put('/p/a/2', 'bad', 17),
        put('/p/b/1', 3, 18, 4),
      ]),
    );
    expect(step?.changes).toEqual([
      { type: 'put', collection: 'a', key: '1', current: table.collections[0]!.entries.get('1'), previous: before },
      { type: 'delete', collection: 'a', key: '2', previous: expect.objectContaining({ value: 2 }) },
      { type: 'put', collection: 'b', key: '1', current: expect.objectContaining({ value: 3 }) },
    ]);
    expect(content(table)).toEqual({ 'a:1': 13, 'b:1': 3, 'one:one': 7 });
    expect([...table.problems()].map(({ collection, key }) => `${collection}:${key}`)).toEqual(['a:2']);
    expect(step?.invalid).toEqual([...table.problems()]);
    expect(table.bookmark).toEqual(at(20));
  });

  test('what is at or below its revision is dropped', async () => {
    const table = await loaded();
    const { version } = table;
    expect(await applyBatch(table, batch(10, [put('/p/a/1', 99, 10)]))).toBeUndefined();
    expect(await applyBatch(table, { ...batch(9, []), kind: 'progress' })).toBeUndefined();
    expect(table.revision).toBe(10);
    expect(table.version).toBe(version);
    const step = await applyBatch(table, batch(12, [put('/p/a/1', 98, 9), remove('/p/a/2', 10), put('/p/a/3', 3, 12)]));
    expect(step?.changed).toBe(1);
    expect(content(table)).toEqual({ 'a:1': 1, 'a:2': 2, 'a:3': 3, 'one:one': 7 });
  });

  test('progress moves the bookmark and nothing else', async () => {
    const table = await loaded();
    const { version } = table;
    const step = await applyBatch(table, { ...batch(50, []), kind: 'progress' });
    expect(step).toEqual({ changes: [], changed: 0, invalid: [] });
    expect(table.revision).toBe(50);
    expect(table.version).toBe(version);
  });

  test('delete-range: every key of it goes, in all collections, the bad and the unclaimed and the unreadable ones too', async () => {
    const table = await loaded();
    await applyBatch(table, batch(11, [], [raw([0x2f, 0x70, 0x2f, 0xff], 11), raw([0x2f, 0x70, 0x2f, 0xfe], 11)]));
    expect(table.count).toBe(7);
    const step = await applyBatch(
      table,
      batch(
        13,
        [{ type: 'delete-range', revision: 12 as Revision, range: { prefix: '/p/' } }, put('/p/a/9', 9, 13)],
        [raw([0x2f, 0x70, 0x2f, 0xfe], 13)],
      ),
    );
    expect(content(table)).toEqual({ 'a:9': 9 });
    expect(table.count).toBe(2);
    expect([...table.problems()].map(({ rawKey }) => rawKey?.at(-1))).toEqual([0xfe]);
    expect(step?.changes.map(({ type, key }) => `${type} ${key}`).sort()).toEqual([
      'delete 1',
      'delete 2',
      'delete one',
      'put 9',
    ]);
    expect(step?.changed).toBe(4);
  });

  test('a delete-range of a part leaves the rest', async () => {
    const table = await loaded();
    await applyBatch(
      table,
      batch(12, [{ type: 'delete-range', revision: 12 as Revision, range: { prefix: '/p/a/' } }]),
    );
    expect(content(table)).toEqual({ 'one:one': 7 });
    expect(table.count).toBe(3);
  });

  test('keys like a collection, but not in it', async () => {
    const table = await loaded();
    await applyBatch(table, batch(12, [put('/p/ab', 1, 11), put('/p/one/x', 1, 11), put('/p/a', 1, 12)]));
    expect(content(table)).toEqual({ 'a:1': 1, 'a:2': 2, 'one:one': 7 });
    expect(table.count).toBe(8);
  });

  test('another history, and revisions out of order, are refused whole', async () => {
    const table = await loaded();
    await expect(applyBatch(table, { ...batch(12, []), bookmark: at(12, 'other') })).rejects.toMatchObject({
      code: 'history-changed',
    });
    await expect(applyBatch(table, batch(12, [put('/p/a/1', 9, 12), put('/p/a/1', 8, 11)]))).rejects.toMatchObject({
      code: 'internal',
    });
    await expect(applyBatch(table, batch(12, [put('/p/a/1', 9, 13)]))).rejects.toMatchObject({ code: 'internal' });
    expect(() => table.advance(at(99, 'other'))).toThrow(/history/);
    expect(table.revision).toBe(10);
    expect(content(table)).toEqual({ 'a:1': 1, 'a:2': 2, 'one:one': 7 });
  });

  test('advance never goes back', async () => {
    const table = await loaded();
    expect(table.advance(at(9))).toBe(false);
    expect(table.advance(at(10))).toBe(false);
    expect(table.advance(at(11))).toBe(true);
    expect(table.revision).toBe(11);
  });
});

describe('restore', () => {
  test('nothing is visible before the commit; then everything is', async () => {
    const table = await loaded();
    const iterator = table.collections[0]!.shown();
    const next = () => {
      const result = iterator.next();
      return result.done === true ? undefined : result.value[0];
    };
    expect(next()).toBe('1');
    const step = await restore(table, 20, [kv('/p/a/5', 5, 15)]);
    expect(content(table)).toEqual({ 'a:5': 5 });
    expect(step.changed).toBe(4);
    // Who was iterating sees the end of what was there.
    expect(next()).toBe('2');
    expect(table.count).toBe(1);
  });

  test('an older state, or another history, is refused unless the history is known to be new', async () => {
    const table = await loaded();
    await expect(restore(table, 9, [])).rejects.toMatchObject({ code: 'history-changed' });
    await expect(restore(table, 20, [], { identity: 'other' })).rejects.toMatchObject({ code: 'history-changed' });
    expect(table.revision).toBe(10);
    await restore(table, 5, [kv('/p/a/1', 1, 2)], { newHistory: true, identity: 'other' });
    expect(table.bookmark).toEqual(at(5, 'other'));
    expect(content(table)).toEqual({ 'a:1': 1 });
  });

  test('the same revisions with other bytes are another value', async () => {
    const table = await loaded();
    const two = table.collections[0]!.entries.get('2');
    await restore(table, 20, [kv('/p/a/1', 5, 2), kv('/p/a/2', 2, 3)], { newHistory: true });
    expect(content(table)).toEqual({ 'a:1': 5, 'a:2': 2 });
    expect(table.collections[0]!.entries.get('2')).toBe(two);
  });

  test('where create revisions say nothing, the last good value outlives them', async () => {
    const stable = newTable();
    const unstable = newTable({ stableCreateRevisions: false });
    for (const table of [stable, unstable]) {
      await restore(table, 10, [kv('/p/a/1', 1, 2)]);
      await restore(table, 20, [kv('/p/a/1', 'bad', 12, 12)]);
    }
    expect(content(stable)).toEqual({});
    expect(content(unstable)).toEqual({ 'a:1': 1 });
  });
});

test('a key that was made anew with a bad value is told to be gone once', async () => {
  const table = newTable();
  await restore(table, 10, [kv('/p/a/1', 1, 2)]);
  const step = await restore(table, 20, [kv('/p/a/1', 'bad', 12)]);
  expect(step.changes.map(({ type, key }) => `${type} ${key}`)).toEqual(['delete 1']);
  expect(step.changed).toBe(1);
});

describe('fingerprint', () => {
  const read = (count: number, item?: KeyValue): ListResult => ({
    items: item === undefined ? [] : [item],
    bookmark: at(10),
    count,
    more: count > 1,
    undecodable: [],
  });

  test('the newest entry and the number of keys must be the same, with its bytes', async () => {
    const table = newTable();
    await restore(table, 10, [kv('/p/a/1', 1, 2), kv('/p/a/2', 2, 3), kv('/p/x', '?', 1)]);
    const fingerprint = table.fingerprint();
    expect(fingerprint).toEqual({ revision: 10, count: 3, newest: 3 });
    expect(matchesFingerprint(table, fingerprint, read(3, kv('/p/a/2', 2, 3)))).toBe(true);
    expect(matchesFingerprint(table, fingerprint, read(2, kv('/p/a/2', 2, 3)))).toBe(false);
    expect(matchesFingerprint(table, fingerprint, read(3, kv('/p/a/2', 9, 3)))).toBe(false);
    expect(matchesFingerprint(table, fingerprint, read(3, kv('/p/a/2', 2, 4)))).toBe(false);
    expect(matchesFingerprint(table, fingerprint, read(3, kv('/p/a/1', 1, 2)))).toBe(false);
    expect(matchesFingerprint(table, fingerprint, read(3))).toBe(false);
  });

  test('of an empty table, and of one whose newest key is unreadable', async () => {
    const table = newTable();
    await restore(table, 10, []);
    expect(matchesFingerprint(table, table.fingerprint(), read(0))).toBe(true);
    expect(matchesFingerprint(table, table.fingerprint(), read(1, kv('/p/a/1', 1, 2)))).toBe(false);
    await restore(table, 20, [kv('/p/a/1', 1, 12)], { undecodable: [raw([0xff], 13)] });
    const newest = { ...read(2), undecodable: [raw([0xff], 13)] };
    expect(matchesFingerprint(table, table.fingerprint(), newest)).toBe(true);
    expect(matchesFingerprint(table, table.fingerprint(), { ...newest, undecodable: [raw([0xfe], 13)] })).toBe(false);
  });
});

describe('patch', () => {
  const delta = (revision: number, total: number, items: readonly KeyValue[]): Delta => ({
    bookmark: at(revision),
    total,
    items,
    undecodable: [],
  });

  test('tells equal, changed, deleted, covered and impossible apart', async () => {
    const table = await loaded();
    expect(compareWithDelta(table, delta(10, 0, []))).toEqual({ kind: 'covered' });
    expect(compareWithDelta(table, delta(12, 5, [kv('/p/other', 'unclaimed', 6)]))).toEqual({ kind: 'equal' });
    expect(compareWithDelta(table, delta(12, 4, []))).toEqual({ kind: 'changed', deletions: true });
    expect(compareWithDelta(table, delta(12, 6, [kv('/p/a/9', 1, 12)]))).toEqual({ kind: 'changed', deletions: false });
    expect(compareWithDelta(table, delta(12, 5, [kv('/p/a/9', 1, 12)]))).toEqual({ kind: 'changed', deletions: true });
    // Also where no collection claims it.
    expect(compareWithDelta(table, delta(12, 5, [kv('/p/other', 'another', 6)]))).toEqual({ kind: 'mismatch' });
    // Nothing changed, and yet the newest entry is not there: another history.
    expect(compareWithDelta(table, delta(12, 5, []))).toEqual({ kind: 'mismatch' });
    expect(compareWithDelta(table, delta(12, 6, []))).toEqual({ kind: 'mismatch' });
    expect(compareWithDelta(table, delta(12, 5, [kv('/p/one', 8, 5)]))).toEqual({ kind: 'mismatch' });
    expect(compareWithDelta(table, delta(12, 5, [kv('/p/gone', 8, 5)]))).toEqual({ kind: 'mismatch' });
  });

  test('says nothing where the newest entry, which it was asked from, has gone meanwhile', async () => {
    const table = await loaded();
    const since = table.fingerprint().newest;
    expect(since).toBe(6);
    await applyBatch(table, batch(11, [remove('/p/other', 11)]));
    expect(compareWithDelta(table, { ...delta(12, 4, []), since })).toEqual({ kind: 'outdated' });
    // Asked from what is the newest now, it must be there.
    expect(compareWithDelta(table, { ...delta(12, 4, []), since: 5 })).toEqual({ kind: 'mismatch' });
  });

  test('brings the table there, deletions included; keys made anew do not inherit the last good value', async () => {
    const table = await loaded();
    const read = delta(20, 3, [kv('/p/a/1', 'bad', 15, 2), kv('/p/one', 'bad', 16, 16), kv('/p/a/7', 7, 17)]);
    expect(compareWithDelta(table, read)).toEqual({ kind: 'changed', deletions: true });
    const keys = new Set(['/p/a/1', '/p/one', '/p/a/7']);
    const step = await patch(table, read, { keys, undecodable: new Set() });
    expect(content(table)).toEqual({ 'a:1': 1, 'a:7': 7 });
    expect(table.revision).toBe(20);
    expect(table.count).toBe(3);
    expect(step?.invalid.map(({ collection }) => collection).sort()).toEqual(['a', 'one']);
    expect(compareWithDelta(table, delta(21, 3, read.items))).toEqual({ kind: 'equal' });
  });

  test('of another history it is refused', async () => {
    const table = await loaded();
    const other = { ...delta(20, 5, []), bookmark: at(20, 'other') };
    await expect(patch(table, other, undefined)).rejects.toMatchObject({ code: 'history-changed' });
  });
});

/** Random histories, told to a table in random ways, against the plainest model. */
describe.each(['eager', 'lazy'] as const)('whatever way it is told, %s', (decode) => {
  test.each(seeds(0, 60))('seed %i', async (seed) => {
    let state = seed + 1;
    const random = (below: number) => {
      state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647;
      return state % below;
    };
    const table = newTable({ single: true, decode });
    const model = new Map<string, KeyValue>();
    const lastGood = new Map<string, unknown>();
    let revision = 1;
    await restore(table, revision, []);
    let told = revision;
    let events: ReturnType<typeof put>[] = [];
    for (let step = 0; step < 60; step++) {
      revision += 1;
      const key = `/p/${random(6)}`;
      if (random(3) === 0) {
        model.delete(key);
        lastGood.delete(key);
        events.push(remove(key, revision));
      } else {
        const value = random(4) === 0 ? `bad ${revision}` : revision;
        const item = kv(key, value, revision, model.get(key)?.createRevision ?? revision);
        model.set(key, item);
        if (typeof value === 'number') lastGood.set(key, value);
        events.push({
          type: 'put',
          revision: item.modRevision,
          current: item,
          isCreate: item.createRevision === revision,
        });
      }
      if (random(3) !== 0) continue;
      const way = random(3);
      if (way === 0) {
        // Overlapping what was told before, as after a sync().
        await applyBatch(table, batch(revision, events));
      } else if (way === 1) {
        await restore(table, revision, [...model.values()]);
      } else {
        const newest = table.fingerprint().newest ?? 0;
        const items = [...model.values()].filter(({ modRevision }) => modRevision >= newest);
        const read: Delta = { bookmark: at(revision), total: model.size, items, undecodable: [] };
        const comparison = compareWithDelta(table, read);
        expect(comparison.kind).not.toBe('mismatch');
        const present = { keys: new Set(model.keys()), undecodable: new Set<string>() };
        if (comparison.kind === 'changed') await patch(table, read, comparison.deletions ? present : undefined);
        else table.advance(read.bookmark);
      }
      if (random(2) === 0) events = [];
      told = revision;
      // Where bad values came and went unseen, the table may show an older good one than the model, never another.
      const expected = Object.fromEntries(
        [...model.keys()]
          .filter((name) => !isBad(model, name))
          .map((name) => [`:${name.slice(3)}`, lastGood.get(name)]),
      );
      expect(content(table)).toMatchObject(expected);
      const bad = [...model.keys()].filter((name) => isBad(model, name)).map((name) => name.slice(3));
      expect([...table.problems()].map((problem) => problem.key).sort()).toEqual(bad.sort());
      expect(table.count).toBe(model.size);
      expect(Object.keys(content(table)).every((name) => model.has(`/p/${name.slice(1)}`))).toBe(true);
      if (way === 0) expect(content(table)).toEqual(expect.objectContaining(expected));
    }
    expect(table.revision).toBe(told);
  });
});

function isBad(model: ReadonlyMap<string, KeyValue>, key: string): boolean {
  return Buffer.from(model.get(key)!.value).toString().startsWith('bad');
}

describe('the newest entry', () => {
  const newest = (table: Table): number | undefined => table.fingerprint().newest;
  const found = (table: Table): number | undefined => [...table.modRevisions()].sort((a, b) => b - a)[0];

  test('is known without a look at all keys, whatever was written and deleted', async () => {
    const table = await loaded();
    expect(newest(table)).toBe(6);
    let random = 1;
    const below = (limit: number): number => (random = (random * 48_271) % 2_147_483_647) % limit;
    for (let revision = 11; revision < 400; revision += 1) {
      const key = ['/p/a/1', '/p/a/2', '/p/b/1', '/p/one', '/p/other', '/p/another'][below(6)] ?? '';
      const value = below(4) === 0 ? 'not JSON' : revision;
      await applyBatch(table, batch(revision, [below(2) === 0 ? remove(key, revision) : put(key, value, revision)]));
      expect(newest(table)).toBe(found(table));
    }
  });

  test('is found again after a restore, a patch in the order of keys, and among keys that are not UTF-8', async () => {
    const table = await loaded();
    await applyBatch(table, batch(20, [], [raw([0xff], 20)]));
    expect(newest(table)).toBe(20);
    const delta = { bookmark: at(30), items: [kv('/p/a/1', 1, 29), kv('/p/a/2', 2, 22)], undecodable: [] };
    await patch(table, delta, undefined);
    expect(newest(table)).toBe(29);
    await restore(table, 40, [kv('/p/a/2', 2, 22), kv('/p/b/1', 'not JSON', 4)]);
    expect(newest(table)).toBe(22);
    await restore(table, 50, []);
    expect(newest(table)).toBeUndefined();
  });
});
