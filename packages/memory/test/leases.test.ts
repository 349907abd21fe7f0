import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Watch, WatchBatch } from '@holdfast/store';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { virtualClock, type VirtualClock } from '@holdfast/testkit';

let clock: VirtualClock;
let store: MemoryStore;

beforeEach(() => {
  clock = virtualClock();
  store = memoryStore({ clock });
});

afterEach(() => store.close());

async function next(watch: Watch): Promise<WatchBatch> {
  for await (const batch of watch) return batch;
  throw new Error('the watch ended');
}

describe('leases', () => {
  test('all keys of an expired lease go at one revision, in one batch, when its time is up and not before', async () => {
    const { id } = await store.leases.grant(10);
    for (const key of ['/b', '/a', '/c']) await store.put(key, '1', { lease: id });
    await store.put('/d', 'stays');
    const watch = store.watch({ prefix: '/' });
    await watch.ready;
    await clock.advance(9_999);
    expect((await store.list({ prefix: '/' })).count).toBe(4);
    await clock.advance(1);
    const batch = await next(watch);
    expect(batch.bookmark.revision).toBe(6);
    expect(batch.events).toEqual(['/a', '/b', '/c'].map((key) => ({ type: 'delete', key, revision: 6 })));
    expect((await store.list({ prefix: '/' })).items.map(({ key }) => key)).toEqual(['/d']);
    await expect(store.leases.timeToLive(id)).rejects.toMatchObject({ code: 'lease-not-found' });
  });

  test('a wall clock that somebody sets ends no lease early, and keeps none longer', async () => {
    let offset = 0;
    const set = memoryStore({
      clock: {
        now: () => clock.now() + offset,
        monotonic: () => clock.now(),
        setTimeout: (callback, ms) => clock.setTimeout(callback, ms),
        clearTimeout: (handle) => {
          clock.clearTimeout(handle);
        },
      },
    });
    for (const hours of [5, -10]) {
      const { id } = await set.leases.grant(10);
      offset = hours * 3_600_000;
      await clock.advance(9_000);
      expect(await set.leases.timeToLive(id)).toMatchObject({ ttl: 1 });
      await set.leases.keepAlive(id);
      await clock.advance(9_999);
      expect(await set.leases.list()).toEqual([id]);
      await clock.advance(1);
      expect(await set.leases.list()).toEqual([]);
    }
    await set.close();
  });

  test('each of two leases that expire together takes a revision of its own', async () => {
    for (const key of ['/a', '/b']) await store.put(key, '1', { ttl: 5 });
    await clock.advance(5_000);
    expect((await store.status()).revision).toBe(5);
  });

  test('keepAlive restarts the time, and its entries say when they expire', async () => {
    const { id } = await store.leases.grant(10);
    await store.put('/a', '1', { lease: id });
    expect((await store.get('/a'))?.expiresAt).toBe(clock.now() + 10_000);
    await clock.advance(8_000);
    expect(await store.leases.timeToLive(id, { keys: true })).toEqual({ id, grantedTtl: 10, ttl: 2, keys: ['/a'] });
    expect(await store.leases.keepAlive(id)).toEqual({ id, ttl: 10 });
    expect((await store.get('/a'))?.expiresAt).toBe(clock.now() + 10_000);
    await clock.advance(9_999);
    expect(await store.get('/a')).toMatchObject({ lease: id });
    await clock.advance(1);
    expect(await store.get('/a')).toBeUndefined();
  });

  test('a lease whose timer is late is over all the same', async () => {
    let now = 0;
    const late = memoryStore({ clock: { now: () => now, setTimeout: () => 1, clearTimeout: () => undefined } });
    const { id } = await late.leases.grant(1);
    now = 1_000;
    await expect(late.leases.keepAlive(id)).rejects.toMatchObject({ code: 'lease-not-found', outcome: undefined });
    await expect(late.put('/a', '1', { lease: id })).rejects.toMatchObject({
      code: 'lease-not-found',
      outcome: 'not-applied',
    });
    expect(await late.leases.list()).toEqual([]);
    await late.close();
  });

  test('a lease that ends during a transaction ends before its compares', async () => {
    let now = 0;
    const late = memoryStore({ clock: { now: () => now, setTimeout: () => 1, clearTimeout: () => undefined } });
    await late.put('/a', '1', { ttl: 1 });
    const { id } = await late.leases.grant(10);
    now = 1_000;
    const put = { type: 'put', key: '/b', value: '1', lease: id } as const;
    const result = await late.txn({ if: [{ key: '/a', target: 'version', op: '>', value: 0 }], then: [put] });
    expect(result).toMatchObject({ succeeded: false, revision: 3 });
    await late.close();
  });

  test('revoke deletes the keys at one revision; a lease without keys takes none', async () => {
    const { id } = await store.leases.grant(10, { id: '7' });
    const { id: unused } = await store.leases.grant(10);
    expect(id).toBe('7');
    await store.put('/a', '1', { lease: id });
    await store.put('/b', '1', { lease: id });
    await store.leases.revoke(unused);
    expect((await store.status()).revision).toBe(3);
    await store.leases.revoke(id);
    expect((await store.status()).revision).toBe(4);
    expect((await store.list({ prefix: '' })).count).toBe(0);
    await expect(store.leases.revoke(id)).rejects.toMatchObject({ code: 'lease-not-found', outcome: 'not-applied' });
  });

  test('an id that is taken is a conflict', async () => {
    await store.leases.grant(10, { id: '7' });
    await expect(store.leases.grant(10, { id: '7' })).rejects.toMatchObject({
      code: 'conflict',
      outcome: 'not-applied',
    });
    expect(await store.leases.list()).toEqual(['7']);
  });

  test('a put without lease detaches the key, one with ignoreLease keeps it, one with another moves it', async () => {
    const first = await store.leases.grant(10);
    const second = await store.leases.grant(20);
    for (const key of ['/detached', '/kept', '/moved']) await store.put(key, '1', { lease: first.id });
    await store.put('/detached', '2');
    await store.put('/kept', '2', { ignoreLease: true });
    await store.put('/moved', '2', { lease: second.id });
    await clock.advance(10_000);
    expect((await store.list({ prefix: '' })).items.map(({ key }) => key)).toEqual(['/detached', '/moved']);
    expect((await store.leases.timeToLive(second.id, { keys: true })).keys).toEqual(['/moved']);
    await clock.advance(10_000);
    expect((await store.list({ prefix: '' })).items.map(({ key }) => key)).toEqual(['/detached']);
  });

  test('a transaction with a lease that does not exist changes nothing', async () => {
    const put = (key: string, lease?: string) => ({ type: 'put', key, value: '1', ...(lease && { lease }) }) as const;
    const txn = { then: [put('/a'), put('/b', '99')] };
    await expect(store.txn(txn)).rejects.toMatchObject({ code: 'lease-not-found', outcome: 'not-applied' });
    expect((await store.status()).revision).toBe(1);
  });

  test('compares see the lease of a key', async () => {
    const { id } = await store.leases.grant(10);
    await store.put('/a', '1', { lease: id });
    const holds = async (key: string, value: string | 0) =>
      (await store.txn({ if: [{ key, target: 'lease', op: '=', value: value as '1' }] })).succeeded;
    expect(await holds('/a', id)).toBe(true);
    expect(await holds('/a', '1')).toBe(false);
    expect(await holds('/b', 0)).toBe(true);
  });

  test('a lease longer than a timer can wait does not expire early', async () => {
    const delays: number[] = [];
    const patient = memoryStore({
      clock: {
        ...clock,
        now: () => clock.now(),
        setTimeout: (callback, delayMs) => {
          delays.push(delayMs);
          return clock.setTimeout(callback, delayMs);
        },
        clearTimeout: (handle) => {
          clock.clearTimeout(handle);
        },
      },
    });
    await patient.put('/a', '1', { ttl: 60 * 24 * 3_600 });
    expect(Math.max(...delays)).toBeLessThan(2 ** 31);
    await clock.advance(59 * 24 * 3_600_000);
    expect(await patient.get('/a')).toBeDefined();
    await clock.advance(24 * 3_600_000);
    expect(await patient.get('/a')).toBeUndefined();
    await expect(patient.leases.grant(9_000_000_001)).rejects.toMatchObject({ code: 'invalid-argument' });
    await patient.close();
  });

  test('no timer is left when the leases are gone, nor when the last handle is closed', async () => {
    const { id } = await store.leases.grant(10);
    await store.leases.revoke(id);
    expect(clock.pending).toBe(0);
    await store.leases.grant(10);
    const other = store.connect();
    await store.close();
    expect(clock.pending).toBe(1);
    await other.close();
    expect(clock.pending).toBe(0);
  });

  test('a thousand leases that are kept alive need one timer', async () => {
    const ids = await Promise.all(Array.from({ length: 1_000 }, async () => (await store.leases.grant(10)).id));
    for (let i = 0; i < 5; i++) {
      await clock.advance(4_000);
      for (const id of ids) await store.leases.keepAlive(id);
      expect(clock.pending).toBe(1);
    }
    expect((await store.leases.list()).length).toBe(1_000);
    await clock.advance(10_000);
    expect(await store.leases.list()).toEqual([]);
  });
});

test.each<[string, () => number]>([
  ['are no numbers', () => NaN],
  ['are out of range', () => -7],
  [
    'throw',
    () => {
      throw new Error('no more');
    },
  ],
])('random numbers that %s give leases of their own all the same (trap 24)', async (_what, random) => {
  const store = memoryStore({ random });
  const [a, b] = [await store.leases.grant(60), await store.leases.grant(60)];
  for (const { id } of [a, b]) expect(id).toMatch(/^[1-9]\d*$/);
  expect(a.id).not.toBe(b.id);
  await store.close();
});
