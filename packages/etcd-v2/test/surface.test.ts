import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { findEtcd, eventually } from '@holdfast/testkit';
import { follow, World } from './support/world.js';

describe.each([findEtcd({})])('what only v2 does, on etcd $version', ({ version }) => {
  let world: World;

  beforeAll(async () => {
    world = await World.start(version);
  });
  afterEach(async () => {
    await world.tidy();
  });
  afterAll(async () => {
    await world.close();
  });

  test('entries created in order are listed in that order, and are entries as any', async () => {
    const store = world.open();
    const created = [];
    for (let index = 0; index < 12; index += 1) created.push(await store.inOrder.create('/queue', String(index)));
    const { items, bookmark } = await store.inOrder.list('/queue');
    expect(items).toEqual(created);
    expect(items.map(({ value }) => Buffer.from(value).toString())).toEqual([...Array(12).keys()].map(String));
    expect(bookmark.revision).toBe(created.at(-1)?.modRevision);
    expect((await store.list({ prefix: '/queue/' })).items).toEqual(created);
    const expiring = await store.inOrder.create('/queue', 'soon gone', { ttl: 1 });
    expect(expiring.expiresAt).toBeGreaterThan(0);
    await eventually(async () => (await store.inOrder.list('/queue')).items.length === 12);
    expect((await store.inOrder.list('/no-queue')).items).toEqual([]);
  });

  test('directories are created, listed and removed', async () => {
    const store = world.open();
    const { directories } = store;
    expect(await directories.list('/d')).toBeUndefined();
    expect((await directories.create('/d/b')).created).toBe(true);
    expect((await directories.create('/d/b')).created).toBe(false);
    expect((await directories.create('/d/a', { ttl: 60 })).created).toBe(true);
    await store.put('/d/z', '1');
    await store.hidden.put('/d/_hidden', '1');
    const listing = await directories.list('/d');
    expect(listing?.directories).toEqual(['/d/a', '/d/b']);
    expect(listing?.items).toEqual([await store.get('/d/z')]);
    expect((await directories.list('/d/a'))?.expiresAt).toBeGreaterThan(0);
    expect((await directories.list('/'))?.directories).toContain('/d');
    await expect(directories.remove('/d')).rejects.toMatchObject({ code: 'invalid-argument', outcome: 'not-applied' });
    expect((await directories.remove('/d/z')).removed).toBe(false);
    expect(await store.get('/d/z')).toBeDefined();
    expect((await directories.remove('/d/b')).removed).toBe(true);
    expect((await directories.remove('/d', { recursive: true })).removed).toBe(true);
    expect((await directories.remove('/d')).removed).toBe(false);
    expect(await store.hidden.get('/d/_hidden')).toBeUndefined();
  });

  test('a directory gets another time to live where the server can do that, and says so where it can not', async () => {
    const store = world.open();
    await store.directories.create('/lived', { ttl: 60 });
    const before = (await store.directories.list('/lived'))?.expiresAt ?? 0;
    const refresh = store.directories.refresh('/lived', 600);
    if (version.startsWith('3.4.')) {
      expect((await refresh).refreshed).toBe(true);
      expect((await store.directories.list('/lived'))?.expiresAt).toBeGreaterThan(before);
      expect((await store.directories.refresh('/no-such', 60)).refreshed).toBe(false);
    } else {
      await expect(refresh).rejects.toMatchObject({ code: 'unsupported', outcome: 'not-applied' });
    }
  });

  test('an entry is refreshed without waking a watch, and keeps its value', async () => {
    const store = world.open();
    const { revision } = await store.put('/held', 'kept', { ttl: 60 });
    const watch = await follow(store, '/held');
    const before = (await store.get('/held'))?.expiresAt ?? 0;
    const refreshed = await store.refresh('/held', 600);
    expect(refreshed).toEqual({ refreshed: true, revision: revision + 1 });
    const entry = await store.get('/held');
    expect(Buffer.from(entry?.value ?? []).toString()).toBe('kept');
    expect(entry?.expiresAt).toBeGreaterThan(before);
    await store.put('/held', 'end');
    await watch.until(1);
    expect(watch.told).toEqual(['put /held=end']);
    expect((await store.refresh('/no-such', 60)).refreshed).toBe(false);
  });

  test('hidden nodes are written and read by their names, and listed nowhere', async () => {
    const store = world.open();
    await store.put('/app/a', '1');
    await store.hidden.put('/app/_lock', 'mine', { ttl: 60 });
    expect(Buffer.from((await store.hidden.get('/app/_lock'))?.value ?? []).toString()).toBe('mine');
    expect((await store.list({ prefix: '/app/' })).count).toBe(1);
    expect((await store.list({ prefix: '/app/_' })).count).toBe(0);
    await expect(store.get('/app/_lock')).rejects.toMatchObject({ code: 'invalid-argument' });
    expect((await store.hidden.delete('/app/_lock')).deleted).toBe(1);
    expect((await store.hidden.delete('/app/_lock')).deleted).toBe(0);
    expect(await store.hidden.get('/app/_lock')).toBeUndefined();
  });

  test('members are listed, announced and removed', async () => {
    const store = world.open();
    const [only] = await store.members.list();
    expect(only).toMatchObject({ name: 'm1', endpoints: world.etcd.endpoints });
    await expect(store.members.add(only?.peerUrls ?? [])).rejects.toMatchObject({ code: 'conflict' });
    expect((await store.members.remove('abc')).removed).toBe(false);
    await expect(store.members.remove('not hexadecimal')).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  test('stats, health and status tell what the server says of itself', async () => {
    const store = world.open();
    await store.put('/counted', '1');
    const { self, leader, store: counts } = await store.stats();
    expect(self.state).toBe('StateLeader');
    expect(leader?.leader).toBe(self.id);
    expect(counts['createSuccess']).toBeGreaterThan(0);
    expect(await store.health()).toEqual([{ healthy: true, endpoint: world.etcd.endpoints[0] }]);
    const status = await store.status();
    expect(status).toMatchObject({ version, leader: self.id, endpoint: world.etcd.endpoints[0] });
    expect(status.members.map(({ id }) => id)).toEqual([self.id]);
    expect(status.raftTerm).toBeGreaterThan(0);
  });

  test('paths and times that v2 would change are refused before anything is sent', async () => {
    const store = world.open();
    for (const path of ['queue', '/a//b', '/a/', '/a/../b', '/', '', '/\ud800']) {
      await expect(store.inOrder.create(path, '1')).rejects.toMatchObject({ code: 'invalid-argument' });
      await expect(store.directories.create(path)).rejects.toMatchObject({ code: 'invalid-argument' });
      await expect(store.hidden.put(path, '1')).rejects.toMatchObject({ code: 'invalid-argument' });
    }
    for (const ttl of [0, -1, 1.5, NaN]) {
      await expect(store.refresh('/a', ttl)).rejects.toMatchObject({
        code: 'invalid-argument',
        outcome: 'not-applied',
      });
    }
    await expect(store.hidden.put('/_a', '\ud800')).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(store.stats({ tiemoutMs: 1 } as object)).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  test('these calls end with their signal, their time-out and the store', async () => {
    const store = world.open();
    const signal = AbortSignal.abort();
    await expect(store.stats({ signal })).rejects.toMatchObject({ code: 'aborted' });
    await expect(store.inOrder.create('/queue', '1', { signal })).rejects.toMatchObject({
      code: 'aborted',
      outcome: 'not-applied',
    });
    const proxy = await world.proxy();
    const slow = world.open({ endpoints: [proxy.endpoint] });
    await slow.stats();
    proxy.stall('toClient');
    await expect(slow.members.list({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'timeout' });
    const sent = proxy.bytesToServer;
    const pending = expect(slow.inOrder.create('/queue', '1')).rejects.toMatchObject({
      code: 'closed',
      outcome: 'unknown',
    });
    await eventually(() => proxy.bytesToServer > sent);
    await slow.close();
    await pending;
    await expect(slow.hidden.get('/_a')).rejects.toMatchObject({ code: 'closed' });
  });
});
