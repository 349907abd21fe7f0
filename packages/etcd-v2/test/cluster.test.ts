import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { isStoreError } from '@holdfast/store';
import { findEtcd, eventually, startProxy, virtualClock, type EtcdMember, type Proxy } from '@holdfast/testkit';
import { etcdV2Store, type EtcdV2Options, type EtcdV2Store } from '@holdfast/etcd-v2';
import { whileTimePasses } from '../../etcd-common/test/support/while-time-passes.js';
import { follow, World } from './support/world.js';

/** How long calls look for a server, in milliseconds: longer than a busy machine stands still. */
const CONNECT_MS = 20_000;

describe.each([findEtcd({})])('three members of etcd $version', ({ version }) => {
  let world: World;
  let store: EtcdV2Store;

  beforeAll(async () => {
    world = await World.start(version, { nodes: 3 });
  });
  afterEach(() => store.close());
  afterAll(() => world.close());

  const connect = (): EtcdV2Store => {
    store = etcdV2Store({
      endpoints: world.etcd.endpoints,
      random: () => 0,
      timeouts: { connectMs: 10_000 },
      // Often, to notice soon that a member has no leader. One that answers late is not dead.
      keepalive: { intervalMs: 500, timeoutMs: 20_000 },
      retry: { attempts: 10, initialMs: 50 },
    });
    return store;
  };

  /** Writes a counter until told to stop, and says how many writes succeeded, and of how many nobody knows. */
  const count = (key: string): { stop(): Promise<{ succeeded: number; unknown: number }> } => {
    let running = true;
    const counted = { succeeded: 0, unknown: 0 };
    const loop = (async () => {
      while (running) {
        try {
          await store.put(key, String(counted.succeeded), { timeoutMs: 20_000 });
          counted.succeeded += 1;
          // Slowly enough for the thousand events that the server keeps to last until the watch is back.
          await delay(5);
        } catch (error) {
          if (!isStoreError(error)) throw error;
          // A test that failed has closed the store, and tells nobody to stop.
          if (error.code === 'closed') return;
          if (error.outcome !== 'not-applied') counted.unknown += 1;
        }
      }
    })();
    return {
      stop: async () => {
        running = false;
        await loop;
        return counted;
      },
    };
  };

  const memberAt = (endpoint: string | undefined): EtcdMember => {
    const member = world.etcd.members.find((each) => each.endpoint === endpoint);
    if (member === undefined) throw new Error(`no member at ${String(endpoint)}`);
    return member;
  };

  test.each(['the connected member', 'the leader'])(
    '%s is killed: no write is applied twice, no event lost',
    async (which) => {
      connect();
      const key = `/counter/${which}`;
      await eventually(() => store.put(key, 'first'));
      const watch = await follow(store, { prefix: '/counter/' });
      const counter = count(key);
      await watch.until(20);
      const victim = which === 'the leader' ? await world.etcd.leader() : memberAt((await store.status()).endpoint);
      await victim.kill();
      const before = watch.events.length;
      await watch.until(before + 20);
      await victim.start();
      const { succeeded, unknown } = await counter.stop();
      await store.put(key, 'last');
      await eventually(() => watch.told.at(-1) === `put ${key}=last`);
      // Each event of the watch is one application of a write.
      const applied = watch.events.length - 1;
      expect(applied).toBeGreaterThanOrEqual(succeeded);
      expect(applied).toBeLessThanOrEqual(succeeded + unknown);
      expect(new Set(watch.events.map(({ revision }) => revision)).size).toBe(watch.events.length);
    },
  );

  test('two of three are killed and come back: the watch says so, is live again, and has lost nothing', async () => {
    connect();
    const watch = await follow(store, { prefix: '/quorum/' });
    await eventually(() => store.put('/quorum/a', '1'));
    await watch.until(1);
    const victims = world.etcd.members.slice(0, 2);
    for (const victim of victims) await victim.kill();
    await watch.status('interrupted');
    await expect(store.put('/quorum/a', '2', { timeoutMs: 1_000 })).rejects.toMatchObject({ code: expect.any(String) });
    await Promise.all(victims.map((victim) => victim.start()));
    await watch.status('live', 30_000);
    await eventually(() => store.put('/quorum/a', '3').then(() => true));
    await eventually(() => watch.told.at(-1) === 'put /quorum/a=3');
    expect(watch.error).toBeUndefined();
  });

  test('a watch on a member that has lost the others is moved to where there is a leader', async () => {
    const leader = await world.etcd.leader();
    const [alone, ...others] = [leader, ...world.etcd.members.filter((member) => member !== leader)];
    store = etcdV2Store({
      endpoints: [alone.endpoint, others[0]!.endpoint],
      random: () => 0,
      keepalive: { intervalMs: 300, timeoutMs: 20_000 },
      retry: { initialMs: 50 },
    });
    const watch = await follow(store, { prefix: '/alone/' });
    // The first member has two thirds of the cluster taken from it: its long poll would wait for ever.
    for (const member of others) member.pause();
    await watch.status('interrupted', 30_000);
    for (const member of others) member.resume();
    await watch.status('live', 30_000);
    await eventually(() => store.put('/alone/a', '1').then(() => true));
    await watch.until(1);
  });

  test('a member is announced, and removed before it ever started', async () => {
    connect();
    await eventually(() => store.put('/members', '1').then(() => true));
    const peerUrls = ['http://127.0.0.1:1'];
    // Etcd changes nothing (500) until all members have been connected for five seconds.
    const added = await eventually(() => store.members.add(peerUrls), { timeoutMs: 30_000, intervalMs: 500 });
    expect(added).toMatchObject({ peerUrls, endpoints: [] });
    expect(await store.members.list()).toHaveLength(4);
    expect(await store.members.remove(added.id)).toEqual({ removed: true });
    expect(await store.members.remove(added.id)).toEqual({ removed: false });
    expect(await store.members.list()).toHaveLength(3);
  });

  test('the member list gives the addresses of those that were not named', async () => {
    const [named] = world.etcd.members;
    store = etcdV2Store({ endpoints: [named!.endpoint], retry: { initialMs: 20 } });
    await eventually(() => store.put('/listed', '1'));
    expect(await store.refreshEndpoints()).toEqual(expect.arrayContaining([...world.etcd.endpoints]));
    expect(await store.health()).toHaveLength(3);
    await named!.kill();
    await eventually(async () => (await store.get('/listed')) !== undefined);
    await named!.start();
    expect((await store.refreshEndpoints())[0]).toBe(named!.endpoint);
  });
});

describe.each([findEtcd({})])('several endpoints of etcd $version', ({ version }) => {
  let world: World;
  const proxies: Proxy[] = [];
  const stores: EtcdV2Store[] = [];

  beforeAll(async () => {
    world = await World.start(version);
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    for (const proxy of proxies.splice(0)) await proxy.close();
  });
  afterAll(() => world.close());

  /** A store with as many endpoints, which gives the server time to answer. */
  async function through(count: number, options: Partial<EtcdV2Options> = {}): Promise<EtcdV2Store> {
    for (let index = 0; index < count; index += 1) proxies.push(await startProxy(world.etcd.endpoints[0]!));
    const store = etcdV2Store({
      endpoints: proxies.map(({ endpoint }) => endpoint),
      random: () => 0,
      timeouts: { connectMs: CONNECT_MS },
      retry: { initialMs: 20, maxMs: 100 },
      ...options,
    });
    stores.push(store);
    return store;
  }

  test('calls stay with one of them, and move on when it is gone: reads, writes and watches', async () => {
    const store = await through(2);
    const [first, second] = proxies;
    const watch = await follow(store, { prefix: '/moved/' });
    for (let index = 0; index < 5; index += 1) await store.put('/moved/a', String(index));
    // It was asked for its cluster once, at the beginning.
    expect(second?.totalConnections).toBe(1);
    first?.refuse();
    first?.cut();
    // A write might be sent on a connection whose end is not known yet, and would be ambiguous.
    await store.get('/moved/a');
    await store.put('/moved/a', 'after');
    await watch.until(6);
    expect(second?.totalConnections).toBeGreaterThan(1);
    expect(watch.told.at(-1)).toBe('put /moved/a=after');
  });

  test('an endpoint that failed is left alone for a while, then used again', async () => {
    // No time passes, in which the store would ask both for their cluster again.
    const store = await through(2, { clock: virtualClock() });
    const [first, second] = proxies;
    first?.refuse();
    await store.get('/a');
    await first?.allow();
    const before = first?.totalConnections ?? 0;
    for (let index = 0; index < 5; index += 1) await store.get('/a');
    expect(first?.totalConnections).toBe(before);
    second?.refuse();
    second?.cut();
    await store.get('/a');
    expect(first?.totalConnections).toBeGreaterThan(before);
  });

  test('a write whose answer is lost is not sent again, at another endpoint either', async () => {
    const store = await through(2);
    const [first, second] = proxies;
    await store.put('/once', '0');
    const before = await store.put('/once', '0');
    const asked = second?.bytesToServer;
    first?.stall('toClient');
    const put = store.put('/once', '1').catch((error: unknown) => error);
    await eventually(async () => (await world.raw('GET', '/once')).body.includes('"value":"1"'));
    first?.cut();
    expect(await put).toMatchObject({ code: expect.stringMatching(/unavailable|timeout/), outcome: 'unknown' });
    expect(second?.bytesToServer).toBe(asked);
    expect(await store.get('/once')).toMatchObject({ modRevision: before.revision + 1 });
  });

  test('a read whose answer is lost is asked again elsewhere', async () => {
    const store = await through(2);
    const [first, second] = proxies;
    await store.put('/read-again', '1');
    first?.stall('toClient');
    const read = store.get('/read-again');
    await eventually(() => (first?.connections ?? 0) > 0);
    first?.cut();
    expect(await read).toMatchObject({ key: '/read-again' });
    expect(second?.totalConnections).toBeGreaterThan(0);
  });

  test('an endpoint that swallows what it is sent leaves time for the others', async () => {
    const clock = virtualClock();
    const keepalive = { intervalMs: 10_000, timeoutMs: 5_000 };
    const store = await through(2, { clock, keepalive });
    proxies[0]?.blackHole();
    const read = store.get('/swallowed');
    await eventually(() => proxies[0]?.connections === 1);
    await clock.advance(keepalive.intervalMs + keepalive.timeoutMs);
    // A store that begins gives an endpoint that does not say its cluster some seconds more.
    expect(await whileTimePasses(clock, read)).toBeUndefined();
    expect(proxies[1]?.totalConnections).toBe(1);
  });

  test('a server that accepts and says nothing is given up within the keepalive', async () => {
    const clock = virtualClock();
    const keepalive = { intervalMs: 10_000, timeoutMs: 5_000 };
    const store = await through(1, { clock, keepalive });
    await store.put('/silent', '1');
    proxies[0]?.blackHole();
    let write: unknown;
    store.put('/silent', '2').catch((error: unknown) => (write = error));
    await clock.advance(keepalive.intervalMs);
    expect(write).toBeUndefined();
    await clock.advance(keepalive.timeoutMs);
    expect(write).toMatchObject({ code: 'timeout', outcome: 'unknown' });
    await proxies[0]?.allow();
    expect(await store.get('/silent')).toMatchObject({ key: '/silent' });
  });

  test('where none can be reached the error names each, and a write was not applied', async () => {
    const clock = virtualClock();
    const store = await through(2, { clock, timeouts: { connectMs: 1_000 } });
    for (const proxy of proxies) proxy.refuse();
    const put = store.put('/a', '1').catch((caught: unknown) => caught);
    const error = await whileTimePasses(clock, put);
    expect(error).toMatchObject({ code: 'unavailable', outcome: 'not-applied', retryable: true });
    for (const { endpoint } of proxies) expect((error as Error).message).toContain(endpoint);
    expect((error as Error).message).toContain('timeouts.connectMs');
  });

  test('a server that is back within connectMs is no error', async () => {
    const store = await through(1);
    proxies[0]?.refuse();
    const put = store.put('/patient', '1');
    await new Promise((resolve) => setImmediate(resolve));
    await proxies[0]?.allow();
    expect((await put).revision).toBeGreaterThan(0);
  });

  test('headers that were asked for are sent, and the store leaves no socket behind', async () => {
    const store = etcdV2Store({
      endpoints: [(proxies[0] = await startProxy(world.etcd.endpoints[0]!)).endpoint],
      headers: { 'x-trace': 'abc' },
    });
    const seen: string[] = [];
    proxies[0].cutWhen((chunk) => (seen.push(Buffer.from(chunk).toString()), false), { direction: 'toServer' });
    await follow(store, { prefix: '/a/' });
    expect(seen.length).toBeGreaterThan(1);
    for (const request of seen) expect(request).toContain('x-trace: abc');
    await store.close();
    await eventually(() => proxies[0]?.connections === 0);
  });
});
