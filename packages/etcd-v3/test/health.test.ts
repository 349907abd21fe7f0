// Which of several endpoints calls and watches go to: they stay where it is well, and leave what has failed alone for a while.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Clock } from '@holdfast/store';
import { systemClock } from '@holdfast/store/adapter';
import { findEtcd, eventually, startEtcd, startProxy, virtualClock, type Etcd, type Proxy } from '@holdfast/testkit';
import { etcdV3Store, type EtcdV3Store } from '@holdfast/etcd-v3';
import { Follower } from './watch-world.js';

describe.each([findEtcd({})])('several endpoints of etcd $version', ({ version }) => {
  let etcd: Etcd;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    etcd = await startEtcd({ version });
  });
  afterAll(() => etcd.close());
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
  });

  /** Three ways to the server; the store begins with the first. Health is judged by a clock that stands still. */
  const connect = async () => {
    const clock = virtualClock();
    return { ...(await openAt(clock)), clock };
  };
  const openAt = async (clock: Clock) => {
    const ways = await Promise.all([1, 2, 3].map(() => startProxy(etcd.endpoints[0]!)));
    const store = etcdV3Store({ endpoints: ways.map(({ endpoint }) => endpoint), random: () => 0, clock });
    open.push(store, ...ways);
    return { store, ways: ways as [Proxy, Proxy, Proxy] };
  };
  const current = async (store: EtcdV3Store) => (await store.status()).endpoint;
  const fail = (way: Proxy) => {
    way.refuse();
    way.cut();
  };

  test('calls stay with one of them, also when the one that failed is back', async () => {
    const { store, ways } = await connect();
    await store.put('/x', 'x');
    expect(await current(store)).toBe(ways[0].endpoint);
    fail(ways[0]);
    await store.get('/x');
    expect(await current(store)).toBe(ways[1].endpoint);
    await ways[0].allow();
    await Promise.all(Array.from({ length: 10 }, () => store.put('/x', 'x')));
    expect(await current(store)).toBe(ways[1].endpoint);
    await eventually(() => {
      expect(ways.map(({ connections }) => connections)).toEqual([0, 1, 0]);
    });
  });

  test('what has failed lately is left alone while there is another, and taken where there is none', async () => {
    const { store, ways, clock } = await connect();
    await store.get('/x');
    fail(ways[0]);
    await store.get('/x');
    await ways[0].allow();
    fail(ways[1]);
    await store.get('/x');
    expect(await current(store)).toBe(ways[2].endpoint);
    fail(ways[2]);
    let read = false;
    void store.get('/x').then(() => (read = true));
    // Where all have failed, a call pauses before it goes on.
    await eventually(async () => {
      await clock.advance(10);
      return read;
    });
    expect(await current(store)).toBe(ways[0].endpoint);
  });

  test('a write that finds its endpoint gone is sent to another, once', async () => {
    const { store, ways } = await connect();
    await store.put('/written', '1');
    fail(ways[0]);
    await eventually(() => ways[0].connections === 0);
    // The store may not know yet that the connection is gone: then it can't tell, and says so, and does not repeat the write.
    const outcome = await store.put('/written', '2').then(
      () => 'applied',
      (error: { outcome?: string }) => error.outcome,
    );
    expect(['applied', 'unknown']).toContain(outcome);
    const { version: held } = (await store.get('/written'))!;
    expect(held).toBeLessThanOrEqual(2);
    if (outcome === 'applied') expect(held).toBe(2);
    await store.put('/written', '3');
    expect(await store.get('/written')).toMatchObject({ version: held! + 1 });
    await store.delete('/written');
  });

  test('a watch moves on as well, and misses and repeats nothing', async () => {
    const { store, ways } = await openAt(systemClock);
    await using writer = etcdV3Store({ endpoints: etcd.endpoints });
    const follower = new Follower(store.watch({ prefix: '/watched/' }));
    await follower.watch.ready;
    const expected: string[] = [];
    for (const way of [...ways, ...ways]) {
      for (let i = 0; i < 20; i++) {
        expected.push(`/watched/${expected.length}`);
        await writer.put(expected.at(-1)!, 'x');
      }
      const before = follower.interruptions;
      if (way.connections > 0) {
        fail(way);
        await eventually(() => follower.interruptions > before);
        await eventually(() => follower.watch.state.status === 'live');
        await way.allow();
      }
    }
    await eventually(() => follower.keys.length >= expected.length);
    expect(follower.keys).toEqual(expected);
    expect(follower.interruptions).toBeGreaterThan(1);
    follower.check();
  });
});
