import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { isStoreError } from '@holdfast/store';
import { availableEtcds, eventually, virtualClock } from '@holdfast/testkit';
import { whileTimePasses } from '../../etcd-common/test/support/while-time-passes.js';
import { follow, Follower, World } from './support/world.js';

describe.each(availableEtcds({ api: 'v2' }))('a watch on etcd $version', ({ version }) => {
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

  describe('what it tells', () => {
    test('the actions of every kind of write', async () => {
      const watch = await follow(world.open(), { prefix: '/actions/' });
      await world.raw('PUT', '/actions/a', { value: '1' });
      await world.raw('PUT', '/actions/a', { value: '2', prevExist: 'true' });
      await world.raw('PUT', '/actions/b', { value: '3', prevExist: 'false' });
      await world.raw('PUT', '/actions/a', { value: '4', prevValue: '2' });
      await world.raw('DELETE', '/actions/a?prevValue=4');
      await world.raw('DELETE', '/actions/b');
      expect((await watch.until(6)) && watch.told).toEqual([
        ...['put /actions/a=1', 'put /actions/a=2', 'put /actions/b=3', 'put /actions/a=4'],
        ...['delete /actions/a', 'delete /actions/b'],
      ]);
    });

    test('a directory that is removed is one delete-range, and is told once', async () => {
      const store = world.open();
      await world.raw('PUT', '/dir/gone/a', { value: '1' });
      await world.raw('PUT', '/dir/gone/b/c', { value: '1' });
      const [all, inside, root] = await Promise.all([
        follow(store, { prefix: '/dir/' }),
        follow(store, { prefix: '/dir/gone/b/' }),
        follow(store, { prefix: '/dir/gone/' }),
      ]);
      await world.raw('DELETE', '/dir/gone?recursive=true');
      await world.raw('PUT', '/dir/gone/b/end', { value: '' });
      for (const watch of [all, inside, root]) await watch.until(2);
      const end = 'put /dir/gone/b/end=';
      expect(all.told).toEqual(['delete-range {"prefix":"/dir/gone/"}', end]);
      expect(inside.told).toEqual(['delete-range {"prefix":"/dir/gone/b/"}', end]);
      expect(root.told).toEqual(['delete-range {"prefix":"/dir/gone/"}', end]);
    });

    test('a directory that expires is one delete-range, and a key that expires a delete', async () => {
      const store = world.open();
      const watch = await follow(store, { prefix: '/expiring/' });
      // Long enough for the entry to come into it before it goes.
      await world.raw('PUT', '/expiring/dir', { dir: 'true', ttl: '6' });
      await world.raw('PUT', '/expiring/dir/a', { value: '1' });
      await store.put('/expiring/key', '1', { ttl: 1 });
      await watch.until(4);
      expect(watch.told.slice(2).sort()).toEqual(['delete /expiring/key', 'delete-range {"prefix":"/expiring/dir/"}']);
    });

    test('a refresh wakes nobody, and moves the index', async () => {
      const store = world.open();
      const watch = await follow(store, { prefix: '/refresh/' });
      await world.raw('PUT', '/refresh/a', { value: '1', ttl: '60' });
      const { index } = await world.raw('PUT', '/refresh/a', { ttl: '120', refresh: 'true', prevExist: 'true' });
      const { index: end } = await world.raw('PUT', '/refresh/end', { value: '' });
      await watch.until(2);
      expect(watch.told).toEqual(['put /refresh/a=1', 'put /refresh/end=']);
      expect(end).toBe(index + 1);
    });

    test('directories that come to be are not told, and one that takes the place of an entry deletes it', async () => {
      const watch = await follow(world.open(), { prefix: '/over/' });
      await world.raw('PUT', '/over/dir', { dir: 'true' });
      await world.raw('PUT', '/over/a', { value: '1' });
      await world.raw('PUT', '/over/a', { dir: 'true' });
      await world.raw('PUT', '/over/a/b/c', { value: '2' });
      await watch.until(3);
      expect(watch.told).toEqual(['put /over/a=1', 'delete /over/a', 'put /over/a/b/c=2']);
    });

    test('hidden nodes are shown neither live nor from history', async () => {
      const store = world.open();
      const { bookmark } = await store.list({ prefix: '/hidden/' });
      const live = await follow(store, { prefix: '/hidden/' });
      await world.raw('PUT', '/hidden/_a', { value: '1' });
      await world.raw('PUT', '/hidden/_dir/b', { value: '1' });
      await world.raw('DELETE', '/hidden/_dir?recursive=true');
      await world.raw('PUT', '/hidden/end', { value: '' });
      const replayed = await follow(store, { prefix: '/hidden/' }, { after: bookmark });
      for (const watch of [live, replayed]) {
        await watch.until(1);
        expect(watch.told).toEqual(['put /hidden/end=']);
      }
    });

    test('the deletion of /a is not told to a watch of /ab, from history either', async () => {
      const store = world.open();
      await world.raw('PUT', '/sib/a/x', { value: '1' });
      const { bookmark } = await store.list({ prefix: '/sib/ab' });
      await world.raw('DELETE', '/sib/a?recursive=true');
      await world.raw('PUT', '/sib/ab', { value: '1' });
      const byKey = await follow(store, '/sib/ab', { after: bookmark });
      const byPrefix = await follow(store, { prefix: '/sib/ab' }, { after: bookmark });
      for (const watch of [byKey, byPrefix]) {
        await watch.until(1);
        expect(watch.told).toEqual(['put /sib/ab=1']);
      }
    });

    test('keys whose names are not UTF-8 come as undecodable', async () => {
      const store = world.open();
      const watch = await follow(store, { prefix: '/raw/' });
      await world.raw('PUT', '/raw/x%FF', { value: '1' });
      await world.raw('PUT', '/raw/%EF%BF%BD', { value: 'a whole U+FFFD is a character as any' });
      await world.raw('DELETE', '/raw/x%FF');
      await eventually(() => watch.batches.length === 3);
      expect(watch.told).toEqual(['put /raw/\ufffd=a whole U+FFFD is a character as any']);
      const raw = new Uint8Array([...Buffer.from('/raw/x'), 0xff]);
      expect(
        watch.batches.flatMap(({ undecodable }) => undecodable.map(({ rawKey }) => Uint8Array.from(rawKey))),
      ).toEqual([raw, raw]);
    });
  });

  describe('under load', () => {
    test('a burst of 5,000 writes in a few seconds is told whole, in order', async () => {
      const watch = await follow(world.open(), { prefix: '/burst/' });
      await world.burst(5_000, (index) => `/burst/${index % 500}`, 16, 2);
      await watch.until(5_000);
      expectAllOnceInOrder(watch, 5_000);
      expect(watch.statuses).toEqual(['live']);
    });

    test('of a burst that is mostly for others every event of its own is told', async () => {
      const watch = await follow(world.open(), { prefix: '/mine/' });
      await world.burst(5_000, (index) => (index % 10 === 0 ? `/mine/${index}` : `/others/${index % 100}`), 16, 2);
      await watch.until(500);
      expect(new Set(watch.told).size).toBe(500);
      expect(watch.statuses).toEqual(['live']);
    });

    test('idle over 10,000 writes of others it stays live, and tells what comes next', async () => {
      const watch = await follow(world.open(), { prefix: '/idle/' });
      await world.burst(10_000, (index) => `/others/${index % 100}`, 32);
      await world.raw('PUT', '/idle/a', { value: '1' });
      await watch.until(1);
      expect(watch.told).toEqual(['put /idle/a=1']);
      expect(watch.statuses).toEqual(['live']);
    });

    test('closing leaves no timer', async () => {
      const clock = virtualClock(Date.now());
      const store = world.open({ clock });
      await follow(store, { prefix: '/timers/' });
      // The keepalive's, while there is something to keep alive, and until it is certain which cluster stands behind the name
      // the one of the next question for that.
      expect(clock.pending).toBe(2);
      await store.close();
      expect(clock.pending).toBe(0);
    });

    test('closing leaves no watcher at the server, after a burst either', async () => {
      const store = world.open();
      await eventually(async () => expect(await world.watchers()).toBe(0));
      const watches = await Promise.all([1, 2, 3].map(() => follow(store, { prefix: '/leak/' })));
      await world.burst(2_000, (index) => `/leak/${index}`);
      for (const watch of watches) await watch.until(2_000);
      // Lanes that were opened to catch up are given up when it is quiet again.
      await eventually(async () => expect(await world.watchers()).toBe(3));
      await watches[0]?.watch.close();
      await eventually(async () => expect(await world.watchers()).toBe(2));
      await store.close();
      await eventually(async () => expect(await world.watchers()).toBe(0));
    });
  });

  describe('cut off', () => {
    test('it tells what was written meanwhile, once, in order', async () => {
      const proxy = await world.proxy();
      const watch = await follow(world.open({ endpoints: [proxy.endpoint] }), { prefix: '/cut/' });
      for (let round = 0; round < 3; round += 1) {
        proxy.refuse();
        proxy.cut();
        await world.burst(300, (index) => `/cut/${round}-${index}`);
        await proxy.allow();
        await watch.until(300 * (round + 1));
      }
      expectAllOnceInOrder(watch, 900);
    });

    test('a cut in the middle of a catch-up loses nothing', async () => {
      const proxy = await world.proxy();
      const store = world.open({ endpoints: [proxy.endpoint] });
      const { bookmark } = await store.list({ prefix: '/middle/' });
      await world.burst(800, (index) => `/middle/${index}`);
      const watch = new Follower(store.watch({ prefix: '/middle/' }, { after: bookmark }));
      for (let cuts = 0; cuts < 5; cuts += 1) await proxy.cutAfter(5_000).happened;
      await watch.until(800);
      expectAllOnceInOrder(watch, 800);
      expect(watch.statuses).toContain('interrupted');
    });

    test('for 5,000 writes it ends in CompactedError, which tells the oldest index that is left', async () => {
      const proxy = await world.proxy();
      const watch = await follow(world.open({ endpoints: [proxy.endpoint] }), { prefix: '/lost/' });
      await world.raw('PUT', '/lost/before', { value: '1' });
      await watch.until(1);
      proxy.refuse();
      proxy.cut();
      await world.burst(5_000, (index) => `/lost/${index}`);
      const { index: head } = await world.raw('GET', '/lost/0');
      await proxy.allow();
      const error = await watch.ended();
      expect(isStoreError(error, 'compacted') && error).toMatchObject({
        code: 'compacted',
        compactRevision: head - 999,
        revision: head,
        endpoint: proxy.endpoint,
      });
      expect(watch.told).toEqual(['put /lost/before=1']);
    });

    test('idle over 10,000 writes of others and then cut it ends in CompactedError, never in a gap', async () => {
      const proxy = await world.proxy();
      const watch = await follow(world.open({ endpoints: [proxy.endpoint] }), { prefix: '/overrun/' });
      await world.burst(10_000, (index) => `/others/${index % 100}`, 32);
      proxy.refuse();
      proxy.cut();
      await world.raw('PUT', '/overrun/a', { value: '1' });
      await proxy.allow();
      const error = await watch.ended();
      expect(error?.code).toBe('compacted');
      expect(watch.events).toEqual([]);
    });

    test('a half-open connection is noticed within the keepalive, and nothing is lost', async () => {
      const proxy = await world.proxy();
      const clock = virtualClock();
      const keepalive = { intervalMs: 10_000, timeoutMs: 5_000 };
      const store = world.open({ endpoints: [proxy.endpoint], keepalive, clock });
      const watch = await follow(store, { prefix: '/half/' });
      proxy.blackHole();
      await clock.advance(keepalive.intervalMs);
      expect(watch.watch.state.status).toBe('live');
      await clock.advance(keepalive.timeoutMs);
      const { state } = watch.watch;
      expect(state.status === 'interrupted' && state.cause.code).toBe('timeout');
      await world.raw('PUT', '/half/a', { value: '1' });
      await proxy.allow();
      await whileTimePasses(clock, watch.until(1));
      expect(watch.told).toEqual(['put /half/a=1']);
      await whileTimePasses(clock, watch.status('live'));
    });

    test('of connections that have died together, the first one that is noticed is the last one that is used', async () => {
      const proxy = await world.proxy();
      const store = world.open({ endpoints: [proxy.endpoint], keepalive: { intervalMs: 60_000, timeoutMs: 60_000 } });
      // Until none is being opened any more, which would be a living one.
      await eventually(
        async () => {
          const opened = proxy.totalConnections;
          await Promise.all(Array.from({ length: 20 }, () => store.get('/half')));
          await new Promise((resolve) => setTimeout(resolve, 200));
          // Timers come before connections, where this process stood still.
          await new Promise((resolve) => setImmediate(resolve));
          return proxy.connections > 5 && proxy.totalConnections === opened;
        },
        { timeoutMs: 20_000 },
      );
      const dead = proxy.abandon();
      await expect(store.get('/half', { timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'timeout' });
      expect(await store.get('/half', { timeoutMs: 20_000 })).toBeUndefined();
      // Nor does what is opened now wait for those.
      const watch = await follow(store, { prefix: '/half/' });
      await world.raw('PUT', '/half/b', { value: '1' });
      await watch.until(1);
      expect(watch.told).toEqual(['put /half/b=1']);
      dead.end();
    });

    test('a slow consumer has no watcher at the server, and gets all of it later', async () => {
      const store = world.open();
      await eventually(async () => expect(await world.watchers()).toBe(0));
      const watch = store.watch({ prefix: '/slow/' }, { bufferBytes: 1_000 });
      await watch.ready;
      await world.burst(500, (index) => `/slow/${index}`, 1);
      await eventually(async () => expect(await world.watchers()).toBe(0));
      const following = new Follower(watch);
      await following.until(500);
      expect(new Set(following.told).size).toBe(500);
    });
  });
});

/** So many writes, each of a value of its own. Indexes may have gaps: a server takes one for itself now and then. */
function expectAllOnceInOrder({ events, told }: Follower, count: number): void {
  expect(events.length).toBe(count);
  expect(new Set(told).size).toBe(count);
  const revisions = events.map(({ revision }) => revision);
  expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
}
