import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { memoryStore, type MemorySnapshot, type MemoryStore } from '@holdfast/memory';
import { virtualClock, type VirtualClock } from '@holdfast/testkit';

let clock: VirtualClock;
let store: MemoryStore;

beforeEach(() => {
  clock = virtualClock();
  store = memoryStore({ clock });
});

afterEach(() => store.close());

const everything = { prefix: '' };

describe('a snapshot', () => {
  test('holds the history, so that the past can be read and watched after a restore', async () => {
    await store.put('/a', '1');
    await store.put('/b', '1');
    await store.compact(3, { physical: true });
    await store.put('/a', '2');
    await store.delete('/b');
    const [snapshot, before] = [store.snapshot(), await store.list(everything)];
    await store.delete(everything);
    store.restore(snapshot);
    expect(await store.list(everything)).toEqual(before);
    expect((await store.list(everything, { revision: 3 })).items).toMatchObject([
      { key: '/a', version: 1 },
      { key: '/b' },
    ]);
    await expect(store.get('/a', { revision: 2 })).rejects.toMatchObject({ code: 'compacted' });
    expect((await store.put('/c', '1')).revision).toBe(6);
    const told = [];
    for await (const { events } of store.watch(everything, { after: { ...before.bookmark, revision: 3 as never } })) {
      told.push(...events);
      if (told.length === 3) break;
    }
    expect(told).toMatchObject([
      { type: 'put', revision: 4 },
      { type: 'delete', key: '/b' },
      { type: 'put', revision: 6 },
    ]);
    expect(store.snapshot().changes.length).toBe(snapshot.changes.length + 1);
  });

  test('taken while compaction still frees space is freed by the next compaction after a restore', async () => {
    for (let i = 0; i < 5_000; i++) await store.put('/a', String(i));
    await store.compact(5_001);
    const snapshot = store.snapshot();
    const other = memoryStore();
    other.restore(snapshot);
    await other.put('/a', 'last');
    await other.compact(5_002, { physical: true });
    expect(other.snapshot().changes.length).toBe(1);
    await other.close();
  });

  test('brings leases back, with their full time', async () => {
    const { id } = await store.leases.grant(10);
    await store.put('/a', '1', { lease: id });
    await clock.advance(6_000);
    const snapshot = store.snapshot();
    store.wipe();
    expect(await store.leases.list()).toEqual([]);
    store.restore(snapshot);
    expect(await store.leases.timeToLive(id, { keys: true })).toEqual({ id, grantedTtl: 10, ttl: 10, keys: ['/a'] });
    await clock.advance(9_999);
    expect(await store.get('/a')).toBeDefined();
    await clock.advance(1);
    expect(await store.get('/a')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  test('that is not one is refused, and leaves the data as it is', async () => {
    await store.put('/a', '1');
    const good = store.snapshot();
    const bad: MemorySnapshot[] = [
      { ...good, format: 2 as 1 },
      undefined as never,
      { ...good, revision: 1 },
      { ...good, compactRevision: 9 },
      { ...good, leases: undefined as never },
      { ...good, leases: ['1', '1'].map((id) => ({ id, ttl: 5 })) },
      { ...good, changes: [{ ...good.changes[0]!, version: 0 }] },
    ];
    for (const snapshot of bad) {
      expect(() => {
        store.restore(snapshot);
      }).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    }
    expect(await store.get('/a')).toBeDefined();
    expect(clock.pending).toBe(0);
  });

  test('a scan that a restore overtakes says so', async () => {
    for (let i = 0; i < 1_500; i++) await store.put(`/k${i}`, '1');
    const pages = store.scan(everything)[Symbol.asyncIterator]();
    await pages.next();
    store.restore(store.snapshot());
    await expect(pages.next()).rejects.toMatchObject({ code: 'history-changed' });
  });
});
