import { ListPage, Slicer } from '@holdfast/store/adapter';
import { describe, expect, test } from '@jest/globals';
import { applyBatch } from '../src/table/apply.js';
import { Restore } from '../src/table/restore.js';
import type { Slab } from '../src/entries/slab.js';
import type { Table } from '../src/table/table.js';
import { at, batch, clock, content, kv, newTable, put, remove } from './support/tables.js';

const PAGES = 10;
const KEYS_A_PAGE = 200;
const KEYS = PAGES * KEYS_A_PAGE;

const keyOf = (index: number) => `/p/${String(index).padStart(5, '0')}`;
const valueOf = (index: number, version: number) => ({ index, version, text: 'x'.repeat(100) });

/** A lazy table of several pages, read at revision 10. */
async function loaded(): Promise<Table> {
  const table = newTable({ single: true, decode: 'lazy' });
  const slicer = new Slicer(clock);
  const staged = new Restore(table, { newHistory: false, collect: false });
  for (let page = 0; page < PAGES; page += 1) {
    const items = Array.from({ length: KEYS_A_PAGE }, (_, offset) => {
      const index = page * KEYS_A_PAGE + offset;
      return kv(keyOf(index), valueOf(index, 0), 2);
    });
    const more = page < PAGES - 1;
    await staged.add(new ListPage({ items, bookmark: at(10), count: KEYS, more, undecodable: [] }, more), slicer);
  }
  await staged.finish(slicer);
  staged.commit();
  return table;
}

function slabsOf(table: Table): ReadonlySet<Slab> {
  const users = table.collections.flatMap((collection) => [...collection.slabUsers()]);
  return new Set(users.flatMap(({ slab }) => slab ?? []));
}

function retainedBytes(table: Table): number {
  return [...slabsOf(table)].reduce((sum, slab) => sum + slab.retainedBytes, 0);
}

/** The bytes that are still needed of what the slabs keep. */
function neededBytes(table: Table): number {
  let bytes = 0;
  for (const collection of table.collections) {
    for (const user of collection.slabUsers()) {
      if (user.slab !== undefined) bytes += user.raw.length;
    }
  }
  return bytes;
}

describe('slabs', () => {
  test('values stay in the pages that they came in, and nothing is copied', async () => {
    const table = await loaded();
    expect(slabsOf(table).size).toBe(PAGES);
    expect(retainedBytes(table)).toBe(neededBytes(table));
    expect(content(table)[':00007']).toEqual(valueOf(7, 0));
  });

  test('a table that lives through many updates keeps little of what is gone', async () => {
    const table = await loaded();
    const whole = retainedBytes(table);
    let worst = 0;
    let state = 1;
    for (let revision = 11; revision < 11 + 10 * KEYS; revision += 1) {
      state = (state * 48_271) % 2_147_483_647;
      const index = state % KEYS;
      // Read, so that no value is kept as one to fall back to.
      await applyBatch(table, batch(revision, [put(keyOf(index), valueOf(index, revision), revision, 2)]));
      void table.collections[0]!.get(keyOf(index).slice(3))!.value;
      await table.tidy();
      if (revision % 50 === 0) worst = Math.max(worst, retainedBytes(table) - neededBytes(table));
    }
    // Half of each slab, and what comes to that until the next look.
    expect(worst).toBeLessThan(0.8 * whole);
    expect(retainedBytes(table)).toBe(0);
    expect(table.count).toBe(KEYS);
  });

  test('the check would find a table that never tidies up', async () => {
    const table = await loaded();
    for (let index = 0; index < KEYS - PAGES; index += 1) {
      if (index % KEYS_A_PAGE === 0) continue;
      await applyBatch(table, batch(11 + index, [remove(keyOf(index), 11 + index)]));
    }
    expect(retainedBytes(table) - neededBytes(table)).toBeGreaterThan(0.9 * retainedBytes(table));
    await table.tidy();
    expect(retainedBytes(table)).toBe(neededBytes(table));
    expect(content(table)[':00200']).toEqual(valueOf(200, 0));
  });

  test('an unread value to fall back to survives the end of its slab', async () => {
    const table = await loaded();
    const [collection] = table.collections;
    for (let index = 0; index < KEYS; index += 1) {
      await applyBatch(table, batch(11 + index, [put(keyOf(index), 'not JSON', 11 + index, 2)]));
    }
    // All values are replaced and none of them is read: each is kept beside the new one.
    await table.tidy();
    expect(slabsOf(table).size).toBe(PAGES);
    for (let index = 1; index < KEYS; index += 1) {
      await applyBatch(table, batch(5000 + index, [remove(keyOf(index), 5000 + index)]));
    }
    await table.tidy();
    expect(slabsOf(table).size).toBe(0);
    expect(collection!.get('00000')?.value).toEqual(valueOf(0, 0));
  });
});
