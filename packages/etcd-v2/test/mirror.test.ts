import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { findEtcd, eventually } from '@holdfast/testkit';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { World } from './support/world.js';

// The faults that today's clients are compared by. The mirror knows nothing of v2: whatever comes out of it here follows
// from the contract.
describe.each([findEtcd({})])(
  'a mirror on etcd $version, by its v2 API, is equal to the store and live',
  ({ version }) => {
    let world: World;

    beforeAll(async () => {
      world = await World.start(version);
      await world.burst(100, (index) => `/m/${index}`);
    });
    afterEach(() => world.tidy());
    afterAll(() => world.close());

    /** A mirror behind a proxy, and what compares it with the store. */
    async function mirrored() {
      const proxy = await world.proxy();
      const direct = world.open();
      const routes = await mirror(world.open({ endpoints: [proxy.endpoint] }), { prefix: '/m/', codec: text() });
      const resyncs: string[] = [];
      routes.on('resync', ({ reason }) => {
        // On a busy machine a read may be faster than the events, at any time.
        if (reason !== 'behind') resyncs.push(reason);
      });
      const equal = async (): Promise<void> => {
        await eventually(
          async () => {
            const { items } = await direct.list({ prefix: '/m/' });
            const stored = items.map(({ key, value, modRevision }) => [
              key,
              Buffer.from(value).toString(),
              modRevision,
            ]);
            const held = [...routes].map(([key, entry]) => [`/m/${key}`, entry.value, entry.modRevision]);
            expect(held.sort()).toEqual(stored.sort());
            expect(routes.state.status).toBe('live');
          },
          { timeoutMs: 30_000, intervalMs: 100 },
        );
      };
      // Until its first watch is established and the history found to be the same, a mirror may read again (M8): the tests
      // begin when changes come through the watch.
      let isFollowing = false;
      routes.on('change', ({ cause }) => (isFollowing ||= cause === 'watch'));
      await eventually(async () => {
        await world.raw('PUT', '/m/0', { value: 'begin' });
        return isFollowing;
      });
      await equal();
      resyncs.length = 0;
      return { proxy, routes, resyncs, equal };
    }

    // etcd v2 knows no count: it sends all that it is asked to count.
    test('asks by one key whether it is complete, and does not read its range for that', async () => {
      const { routes } = await mirrored();
      const asked: string[] = [];
      const note = (message: unknown) => {
        asked.push((message as { request: { path: string } }).request.path);
      };
      subscribe('undici:request:create', note);
      try {
        for (let round = 0; round < 3; round += 1) await routes.sync();
      } finally {
        unsubscribe('undici:request:create', note);
      }
      const reads = asked.filter((path) => path.startsWith('/v2/keys/m/') && !path.includes('wait=true'));
      expect(reads).toEqual(Array(3).fill('/v2/keys/m/-?quorum=true'));
      await routes.close();
    });

    // Without any, where the machine is not so busy that a thousand events pass between two polls.
    test('over a burst of 5,000 writes, with hardly a resync', async () => {
      const { routes, resyncs, equal } = await mirrored();
      await world.burst(5_000, (index) => `/m/${index % 300}`, 16, 2);
      await equal();
      expect(resyncs.length).toBeLessThan(2);
      await routes.close();
    });

    test('after 5,000 writes while it was cut off, deletions among them, by reading again once', async () => {
      const { proxy, routes, resyncs, equal } = await mirrored();
      proxy.refuse();
      proxy.cut();
      await world.burst(5_000, (index) => `/m/${index % 200}`);
      await world.raw('DELETE', '/m/7');
      await proxy.allow();
      await equal();
      expect(resyncs).toHaveLength(1);
      await routes.close();
    });

    test('over 10,000 writes of others while it was idle, and by reading again if it is cut then', async () => {
      const { proxy, routes, resyncs, equal } = await mirrored();
      await world.burst(10_000, (index) => `/others/${index % 100}`, 32);
      await world.raw('PUT', '/m/idle', { value: '1' });
      await equal();
      expect(resyncs.length).toBeLessThan(2);
      resyncs.length = 0;
      await world.burst(10_000, (index) => `/others/${index % 100}`, 32);
      proxy.cut();
      await world.raw('PUT', '/m/idle', { value: '2' });
      await equal();
      expect(resyncs.length).toBeGreaterThan(0);
      expect(resyncs.length).toBeLessThan(3);
      await routes.close();
    });

    test('when a directory goes, an entry expires, or a directory takes the place of an entry', async () => {
      const { routes, resyncs, equal } = await mirrored();
      for (const key of ['dir/a', 'dir/b/c', 'dirt']) await world.raw('PUT', `/m/${key}`, { value: '1' });
      await equal();
      await world.raw('DELETE', '/m/dir?recursive=true');
      await equal();
      expect([routes.has('dir/a'), routes.has('dirt')]).toEqual([false, true]);
      await world.raw('PUT', '/m/soon', { value: '1' });
      await eventually(() => routes.has('soon'));
      await world.raw('PUT', '/m/soon', { value: '1', ttl: '1' });
      await eventually(() => !routes.has('soon'));
      await world.raw('PUT', '/m/dirt', { dir: 'true' });
      await equal();
      expect(resyncs).toEqual([]);
      await routes.close();
    });

    test('after the server was killed, half-open, and emptied', async () => {
      const { proxy, routes, equal } = await mirrored();
      await world.etcd.members[0]?.kill();
      await world.etcd.members[0]?.start();
      await world.raw('PUT', '/m/after', { value: 'the kill' });
      await equal();
      proxy.blackHole();
      await world.raw('PUT', '/m/after', { value: 'the silence' });
      await proxy.allow();
      await equal();
      await world.etcd.wipe({ sameToken: true });
      await world.raw('PUT', '/m/after', { value: 'the wipe' });
      await equal();
      expect([...routes.keys()]).toEqual(['after']);
      await routes.close();
    });

    test('sync() makes what was written before it visible', async () => {
      const { routes, equal } = await mirrored();
      for (let round = 0; round < 5; round += 1) {
        await world.raw('PUT', '/m/synced', { value: String(round) });
        await routes.sync();
        expect(routes.get('synced')?.value).toBe(String(round));
      }
      await equal();
      await routes.close();
    });
  },
);
