import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import { isStoreError, type ConfigStore, type WatchEvent } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import { lmdbStore, type LmdbStoreOptions } from '@holdfast/lmdb';
import { newFolder, removeFolders } from './support/folders.js';
import { buildProgram, Program } from './support/program.js';
import { alterState } from './support/raw-state.js';

const opened: ConfigStore[] = [];
const program = buildProgram('one-write');

function openIn(path: string, options: Partial<LmdbStoreOptions> = {}) {
  const store = lmdbStore({ path, pollMs: 200, ...options });
  opened.push(store);
  return store;
}

afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(async () => {
  for (const store of opened) await store.close();
  removeFolders();
});

async function firstEvents(store: ConfigStore, after: () => Promise<unknown>): Promise<readonly WatchEvent[]> {
  const watch = store.watch({ prefix: '' });
  await watch.ready;
  await after();
  for await (const { kind, events } of watch) if (kind === 'events') return events;
  return [];
}

describe('several processes on one folder', () => {
  test('see what the others write, and their watches are told', async () => {
    const path = newFolder();
    const store = openIn(path);
    await store.put('before', '1');
    const events = await firstEvents(store, async () => {
      const other = new Program(program, [path, 'get:before', 'put:theirs']);
      await other.line((line) => line === 'closed');
      await other.ended;
    });
    expect(events).toMatchObject([{ type: 'put', current: { key: 'theirs' } }]);
  });

  test('a writer that dies between its commit and the ring is seen within pollMs', async () => {
    const path = newFolder();
    const store = openIn(path);
    await store.put('before', '1');
    const dying = buildProgram('one-write', {
      find: 'this.doorbell.ring(',
      replace: "process.kill(process.pid, 'SIGKILL'), this.doorbell.ring(",
    });
    await using watch = store.watch({ prefix: '' });
    await watch.ready;
    const seen: WatchEvent[] = [];
    void (async () => {
      for await (const { events } of watch) seen.push(...events);
    })();
    const other = new Program(dying, [path, 'put:theirs']);
    expect(await other.ended).toBe('SIGKILL');
    expect(other.lines).toEqual([]);
    await eventually(() => {
      expect(seen).toMatchObject([{ type: 'put', current: { key: 'theirs' } }]);
    });
  });

  test('end the leases of one that was killed, and delete their keys', async () => {
    const path = newFolder();
    const store = openIn(path);
    await store.put('before', '1');
    const { bookmark } = await store.list({ prefix: '' });
    const other = new Program(program, [path, 'lease:held:5', 'stay']);
    await other.line((line) => line.startsWith('lease:held:5 ok'));
    await other.kill();
    // It may have expired by now, and is told of all the same.
    const watch = store.watch('held', { after: bookmark });
    const told: WatchEvent[] = [];
    for await (const { events } of watch) {
      told.push(...events);
      if (told.length >= 2) break;
    }
    expect(told).toMatchObject([{ type: 'put' }, { type: 'delete', key: 'held' }]);
    expect(await store.leases.list()).toEqual([]);
  });

  test('a process that ends without close() keeps nothing locked', async () => {
    const path = newFolder();
    const store = openIn(path);
    const other = new Program(program, [path, 'put:theirs', 'stay']);
    await other.line((line) => line.startsWith('put'));
    await other.kill();
    await store.put('mine', '1', { timeoutMs: 60_000 });
    expect((await store.list({ prefix: '' })).count).toBe(2);
  });
});

describe('leases', () => {
  test('survive a restart with the time that they have left', async () => {
    const path = newFolder();
    const store = lmdbStore({ path });
    const { id } = await store.leases.grant(100);
    await store.put('held', '1', { lease: id });
    await store.close();
    const again = openIn(path);
    const { ttl, grantedTtl, keys } = await again.leases.timeToLive(id, { keys: true });
    expect([grantedTtl, keys]).toEqual([100, ['held']]);
    expect(ttl).toBeGreaterThan(90);
    expect((await again.get('held'))?.lease).toBe(id);
  });

  test('know no wall clock: set forward or back by a day, it ends none and prolongs none', async () => {
    const store = openIn(newFolder());
    const { id } = await store.leases.grant(100);
    // Its lease is granted first: a machine that stands still must not end it before the key is there.
    const short = await store.put('short', '1', { ttl: 5 });
    const now = Date.now;
    for (const ms of [86_400_000, -86_400_000]) {
      jest.spyOn(Date, 'now').mockImplementation(() => now() + ms);
      await store.put('a', '1');
      const { ttl } = await store.leases.timeToLive(id);
      expect(ttl).toBeGreaterThan(90);
      expect(ttl).toBeLessThanOrEqual(100);
    }
    await eventually(async () => {
      expect(await store.get('short')).toBeUndefined();
    });
    expect(await store.leases.list()).toEqual([id]);
    expect(short.ttl).toBe(5);
  });

  test('have their full time again after another start of the machine, whatever its clock shows', async () => {
    const path = newFolder();
    const store = lmdbStore({ path });
    const { id } = await store.leases.grant(100);
    await store.close();
    await alterState(path, (state) => {
      state.bootId = 'another start';
    });
    expect(await openIn(path).leases.timeToLive(id)).toMatchObject({ grantedTtl: 100, ttl: 100 });
  });
});

describe('after another start of the machine', () => {
  const UNCLEAN = 'a process that was killed';

  async function before(sync: 'always' | 'batched', end: string) {
    const path = newFolder();
    const store = lmdbStore({ path, sync });
    await store.put('a', '1');
    const { bookmark } = await store.list({ prefix: '' });
    await store.close();
    if (end === UNCLEAN) {
      const other = new Program(program, [path, 'put:b', 'stay']);
      await other.line((line) => line.startsWith('put'));
      await other.kill();
    }
    const state = await alterState(path, (altered) => {
      altered.bootId = 'another start';
    });
    return { path, bookmark, state };
  }

  test.each(['always', 'batched'] as const)('%s: a store that was closed is the same history', async (sync) => {
    const { path, bookmark, state } = await before(sync, 'close()');
    expect(state.clean).toBe(true);
    const store = openIn(path, { sync });
    expect((await store.list({ prefix: '' })).bookmark).toEqual(bookmark);
  });

  test('a store that was not is another history, further on, with all that the disk has', async () => {
    const { path, bookmark, state } = await before('always', UNCLEAN);
    expect(state.clean).toBe(false);
    const store = openIn(path);
    const { bookmark: now, items } = await store.list({ prefix: '' });
    expect(items.map(({ key }) => key)).toEqual(['a', 'b']);
    expect(now.identity).not.toBe(bookmark.identity);
    expect(now.revision).toBe(state.head + 2 ** 32);
    const watch = store.watch({ prefix: '' }, { after: bookmark });
    const error: unknown = await watch.ready.catch((thrown: unknown) => thrown);
    expect(isStoreError(error, 'history-changed')).toBe(true);
    // What the disk has can be read; what may have been lost can't.
    expect((await store.list({ prefix: '' }, { revision: bookmark.revision })).count).toBe(1);
    const lost: unknown = await store.get('a', { revision: state.head + 1 }).catch((thrown: unknown) => thrown);
    expect(isStoreError(lost, 'compacted')).toBe(true);
    const { revision } = await store.put('c', '1');
    expect(revision).toBe(now.revision + 1);
    // Once is enough.
    await store.close();
    expect((await openIn(path).list({ prefix: '' })).bookmark).toEqual({ revision, identity: now.identity });
  });
});

test('writes that wait at the same time share one flush', async () => {
  const path = newFolder();
  const store = lmdbStore({ path });
  await store.put('a', '1');
  await store.close();
  const { serial } = await alterState(path);
  const again = lmdbStore({ path });
  const revisions = await Promise.all(
    Array.from({ length: 64 }, async (_, i) => (await again.put(`k${i}`, '1')).revision),
  );
  expect(new Set(revisions).size).toBe(64);
  await again.close();
  // One more is the note of close().
  expect((await alterState(path)).serial - serial).toBeLessThanOrEqual(4);
});

test('history is kept for as many revisions as it is asked for, and not for ever', async () => {
  const store = openIn(newFolder(), { history: { revisions: 50 } });
  for (let i = 0; i < 120; i++) await store.put('a', String(i));
  await eventually(async () => {
    const error: unknown = await store.get('a', { revision: 60 }).catch((thrown: unknown) => thrown);
    expect(isStoreError(error, 'compacted')).toBe(true);
  });
  expect((await store.get('a', { revision: 80 }))?.version).toBe(79);
});
