import type { Revision } from '@holdfast/store';
import { systemClock } from '@holdfast/store/adapter';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { applyBatch } from '../src/table/apply.js';
import { CollectionTable } from '../src/table/collection-table.js';
import { NewestRevision } from '../src/table/newest-revision.js';
import { Table } from '../src/table/table.js';
import { batch, kv, newTable, put, remove, restore } from './support/tables.js';

const KEYS = 2_000;

/** By this clock each look at the time takes a millisecond. */
function slowTable(): Table {
  let now = 0;
  const { range, collections } = newTable();
  return new Table({ range, collections, clock: { ...systemClock, now: () => ++now }, stableCreateRevisions: true });
}

describe('the newest revision among many keys', () => {
  test('is the highest that is left, or known to be unknown', () => {
    let random = 1;
    const below = (limit: number): number => (random = (random * 48_271) % 2_147_483_647) % limit;
    const revisions = new Map<number, Revision>();
    let newest = new NewestRevision();
    let looks = 0;
    for (let revision = 1; revision <= 20_000; revision += 1) {
      // Ten keys of each revision.
      const key = below(KEYS);
      const isPut = below(2) === 0;
      const after = isPut ? (Math.ceil(revision / 10) as Revision) : undefined;
      newest.remove(revisions.get(key));
      if (after === undefined) revisions.delete(key);
      else {
        newest.add(after);
        revisions.set(key, after);
      }
      if (newest.isUnknown) {
        looks += 1;
        newest = new NewestRevision();
        for (const each of revisions.values()) newest.add(each);
      }
      if (revision % 200 === 0) expect(newest.revision).toBe([...revisions.values()].sort((a, b) => b - a)[0]);
    }
    expect(looks).toBeLessThan(20);
  });

  test('is unknown when none that is held is left; revisions may come in any order', () => {
    const newest = new NewestRevision();
    const all = Array.from({ length: 1_000 }, (_, n) => (((n * 7_919) % 1_000) + 1) as Revision);
    for (const revision of all) newest.add(revision);
    const found: unknown[] = [];
    for (let revision = 1_000; !newest.isUnknown && revision > 0; revision -= 1) {
      found.push(newest.revision);
      newest.remove(revision as Revision);
    }
    expect(newest.isUnknown).toBe(true);
    expect(found.length).toBeGreaterThan(100);
    expect(found).toEqual(found.map((_, index) => 1_000 - index));
  });
});

describe('a table of many keys', () => {
  let looked: number;
  let most: number;
  let isOver: boolean;

  beforeEach(() => {
    looked = 0;
    most = 0;
    isOver = false;
    // oxlint-disable-next-line typescript/unbound-method -- applied with its own `this` below
    const { modRevisions } = CollectionTable.prototype;
    jest.spyOn(CollectionTable.prototype, 'modRevisions').mockImplementation(function* (this: CollectionTable) {
      for (const revision of modRevisions.call(this)) {
        looked += 1;
        most = Math.max(most, looked);
        yield revision;
      }
    });
    const turn = () => {
      looked = 0;
      if (!isOver) setImmediate(turn);
    };
    turn();
  });

  afterEach(() => {
    isOver = true;
    jest.restoreAllMocks();
  });

  const loaded = async (): Promise<Table> => {
    const table = slowTable();
    await restore(
      table,
      KEYS,
      Array.from({ length: KEYS }, (_, n) => kv(`/p/a/${String(n).padStart(5, '0')}`, n, n + 1)),
    );
    return table;
  };

  test('M11 looks for the newest one that is left in slices, with a turn of the event loop between them', async () => {
    const table = await loaded();
    const newest = `/p/a/${String(KEYS - 1).padStart(5, '0')}`;
    await applyBatch(table, batch(KEYS + 1, [remove(newest, KEYS + 1)]));
    expect(table.isUntidy).toBe(true);
    await table.tidy();
    expect(table.isUntidy).toBe(false);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(100);
    most = 0;
    expect(table.fingerprint().newest).toBe(KEYS - 1);
    expect(most).toBe(0);
  });

  test('looks at no other key when new ones come and go', async () => {
    const table = await loaded();
    for (let revision = KEYS + 1; revision < KEYS + 1_000; revision += 2) {
      await applyBatch(table, batch(revision, [put('/p/a/session', revision, revision)]));
      expect(table.fingerprint().newest).toBe(revision);
      await applyBatch(table, batch(revision + 1, [remove('/p/a/session', revision + 1)]));
      expect(table.fingerprint().newest).toBe(KEYS);
    }
    expect(most).toBe(0);
  });
});
