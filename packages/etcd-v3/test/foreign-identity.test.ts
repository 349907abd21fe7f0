// Endpoints that belong to another cluster than the store's: a member that was bootstrapped anew, a wrong address, a
// balancer in front of both. None of them serves anything; and a cluster that really was replaced is accepted soon.
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { isStoreError, type Logger, type Watch } from '@holdfast/store';
import {
  eventually,
  findEtcd,
  startAnsweringProxy,
  startBalancer,
  virtualClock,
  type Balancer,
  type Etcd,
  type Proxy,
} from '@holdfast/testkit';
import { failure } from '../../etcd-common/test/support/failure.js';
import { nextEvents } from '../../etcd-common/test/support/next-events.js';
import { whileTimePasses } from '../../etcd-common/test/support/while-time-passes.js';
import { ForeignWorld } from './foreign-world.js';

// What the versions tell of themselves, and to whom, is in foreign-users.test.ts.
describe.each([findEtcd({}).version])('foreign clusters of etcd %s', (version) => {
  let world: ForeignWorld;
  let own: Etcd;
  let fresh: Etcd;
  let ids: ForeignWorld['ids'];

  beforeAll(async () => {
    world = await ForeignWorld.start(version);
    ({ own, fresh, ids } = world);
  });
  afterAll(() => world.close());
  afterEach(async () => {
    await world.reset();
    expect(await keysOf(fresh)).toEqual([]);
  });

  const keysOf = (etcd: Etcd) => world.keysOf(etcd);
  const proxyTo = (etcd: Etcd) => world.proxyTo(etcd);
  const connect = (...args: Parameters<ForeignWorld['connect']>) => world.connect(...args);
  const stop = (proxy: Proxy) => {
    proxy.refuse();
    proxy.cut();
  };
  const statesOf = (watch: Watch): string[] => {
    const states: string[] = [];
    watch.onState(({ status }) => states.push(status));
    return states;
  };

  describe('one endpoint of three', () => {
    test('with the others down, reads, writes, leases and watches fail as unavailable, and go on when they are back', async () => {
      const warnings: string[] = [];
      const nothing = () => undefined;
      const logger: Logger = { debug: nothing, info: nothing, error: nothing, warn: (text) => warnings.push(text) };
      const { one, two, other, endpoints } = await world.three();
      // All calls end with it, and the foreign endpoint is to have answered by then.
      const store = connect(endpoints, { logger, timeouts: { connectMs: 8_000 } });
      await store.put('/a/1', 'kept');
      const watch = store.watch({ prefix: '/a/' });
      const { identity } = await watch.ready;
      expect(identity).toBe(ids.own);
      const batches = watch[Symbol.asyncIterator]();
      const states = statesOf(watch);
      stop(one);
      stop(two);
      await eventually(() => watch.state.status === 'interrupted');
      const reading = Promise.all(
        [
          store.get('/a/1'),
          store.get('/a/1', { consistency: 'serializable' }),
          store.list({ prefix: '/a/' }),
          store.leases.list(),
          store.status(),
        ].map(failure),
      );
      const writing = Promise.all(
        [
          store.put('/a/2', 'lost'),
          store.delete({ prefix: '/' }),
          store.txn({ then: [{ type: 'put', key: '/a/3', value: 'lost' }] }),
          store.leases.grant(60),
        ].map(failure),
      );
      for (const error of await reading) expect(error).toMatchObject({ code: 'unavailable', retryable: true });
      for (const error of await writing) {
        expect(error).toMatchObject({ code: 'unavailable', outcome: 'not-applied', retryable: true });
        expect(error.message).toContain(`${other.endpoint} belongs to cluster ${ids.fresh}`);
        expect(error.message).toContain(`follows cluster ${ids.own}`);
      }
      expect(await keysOf(fresh)).toEqual([]);
      expect(states).not.toContain('closed');
      expect(watch.state).toMatchObject({ status: 'interrupted', cause: { code: 'unavailable' } });
      expect(warnings.filter((text) => text.includes(`belongs to cluster ${ids.fresh}`)).length).toBeGreaterThan(0);
      await own.put('/a/4', 'meanwhile');
      await Promise.all([one.allow(), two.allow()]);
      expect(await nextEvents(batches)).toMatchObject({ events: [{ type: 'put', current: { key: '/a/4' } }] });
      await store.put('/a/5', 'x');
      expect(await store.get('/a/1')).toMatchObject({ key: '/a/1' });
    });

    test('a store that begins with the foreign one follows the majority', async () => {
      const { other, endpoints } = await world.three();
      // It waits for the answers of all, for as long as its clock stands still.
      const store = connect([other.endpoint, ...endpoints.slice(0, 2)], { clock: virtualClock() });
      await own.put('/start', 'x');
      const [read, watched] = await Promise.all([store.get('/start'), store.watch('/start').ready]);
      expect(read).toMatchObject({ key: '/start' });
      expect(watched.identity).toBe(ids.own);
      await store.put('/start', 'y');
      expect((await store.status()).endpoint).not.toBe(other.endpoint);
    });

    test('with one endpoint of each and the third down, a store that begins serves neither', async () => {
      const { one, other, endpoints } = await world.three();
      const down = await proxyTo(own);
      stop(down);
      const timeouts = { connectMs: 8_000 };
      const store = connect([other.endpoint, one.endpoint, down.endpoint], { timeouts });
      const error = await failure(store.put('/undecided', 'x'));
      expect(error).toMatchObject({ code: 'unavailable', outcome: 'not-applied' });
      expect(error.message).toMatch(/the endpoints belong to different clusters, and none of these has a majority/);
      expect(error.message).toContain(`${other.endpoint} to ${ids.fresh}`);
      expect(error.message).toContain(`${one.endpoint} to ${ids.own}`);
      await down.allow();
      await eventually(() => store.put('/undecided', 'x'));
      expect(await keysOf(own)).toContain('/undecided');
      expect(endpoints).toHaveLength(3);
    });

    test('a store that begins with the others down takes what there is, and is put right when they are back', async () => {
      const { one, two, other, endpoints } = await world.three();
      stop(one);
      stop(two);
      const store = connect(endpoints);
      await own.put('/right', 'x');
      const watch = store.watch('/right');
      expect((await watch.ready).identity).toBe(ids.fresh);
      expect((await store.status()).endpoint).toBe(other.endpoint);
      await Promise.all([one.allow(), two.allow()]);
      const ended = await failure(nextEvents(watch[Symbol.asyncIterator]()));
      expect(ended).toMatchObject({ code: 'history-changed' });
      expect(await store.get('/right')).toMatchObject({ key: '/right' });
    });

    test('it is accepted after identity.acceptAfterMs, and the former cluster is taken back when most endpoints tell it', async () => {
      const { one, two, endpoints } = await world.three();
      const store = connect(endpoints, { identity: { acceptAfterMs: 1_000 } });
      await own.put('/after', 'x');
      expect(await store.get('/after')).toMatchObject({ key: '/after' });
      stop(one);
      stop(two);
      await eventually(async () => (await store.list('/after')).bookmark.identity === ids.fresh);
      await Promise.all([one.allow(), two.allow()]);
      await eventually(async () => (await store.get('/after')) !== undefined);
    });

    test('two of three that were replaced are accepted within seconds', async () => {
      const { one, two, other, endpoints } = await world.three();
      const store = connect(endpoints);
      await own.put('/replaced', 'x');
      const watch = store.watch('/replaced');
      await watch.ready;
      two.retarget(fresh.endpoints[0]!);
      two.cut();
      stop(one);
      const ended = await failure(nextEvents(watch[Symbol.asyncIterator]()));
      expect(ended).toMatchObject({ code: 'history-changed' });
      expect((await store.list('/replaced')).bookmark.identity).toBe(ids.fresh);
      expect([two.endpoint, other.endpoint]).toContain((await store.status()).endpoint);
    });

    test('a unix socket to a foreign cluster is named like any other endpoint', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'holdfast-unix-'));
      world.open.push({ close: () => rm(folder, { recursive: true }) });
      const relay = await relayOn(join(folder, 'etcd.sock'), fresh);
      world.open.push(relay);
      const { one, two } = await world.three();
      const endpoint = `unix:${join(folder, 'etcd.sock')}`;
      const clock = virtualClock();
      const timeouts = { connectMs: 4_000 };
      const store = connect([endpoint, one.endpoint, two.endpoint], { timeouts, clock });
      await store.put('/unix', 'x');
      stop(one);
      stop(two);
      await whileTimePasses(clock, failure(store.get('/unix')));
      const error = await whileTimePasses(clock, failure(store.put('/unix', 'lost')));
      expect(error).toMatchObject({ code: 'unavailable', outcome: 'not-applied' });
      expect(error.message).toContain(`${endpoint} belongs to cluster ${ids.fresh}`);
    });
  });

  describe('one name', () => {
    const balancer = async (): Promise<Balancer> => {
      const started = await startBalancer([own, fresh, own].map(({ endpoints }) => endpoints[0]!));
      world.open.push(started);
      return started;
    };

    test('a balancer with one fresh member among three: connections go back and forth, and nothing is lost or shown absent', async () => {
      const lb = await balancer();
      lb.serve([0, 1, 2]);
      const store = connect([lb.endpoint], { timeouts: { connectMs: 5_000 } });
      await store.put('/lb/0', 'x');
      const { bookmark } = await store.list('/lb/0');
      const watch = store.watch({ prefix: '/lb/' }, { after: bookmark });
      const seen: string[] = [];
      const failed: unknown[] = [];
      void (async () => {
        for await (const { events } of watch) {
          for (const event of events) if (event.type === 'put') seen.push(event.current.key);
        }
      })().catch((error: unknown) => failed.push(error));
      const acknowledged: string[] = [];
      for (let i = 1; i <= 30; i += 1) {
        lb.cut();
        await store.put(`/lb/${i}`, 'x').then(
          () => acknowledged.push(`/lb/${i}`),
          (error: unknown) => {
            if (!isStoreError(error, 'unavailable')) throw error;
          },
        );
        expect(await eventually(() => store.get('/lb/0'))).toMatchObject({ key: '/lb/0' });
      }
      expect(lb.chosen.filter((place) => place === 1).length).toBeGreaterThan(5);
      const kept = await keysOf(own);
      expect(kept).toEqual(expect.arrayContaining(acknowledged));
      await eventually(() => {
        expect(seen).toEqual(expect.arrayContaining(acknowledged));
      });
      expect(failed).toEqual([]);
    });
  });

  test('answers that come of another cluster over a connection to the own one are refused', async () => {
    const proxy = await startAnsweringProxy(own.endpoints[0]!);
    world.open.push(proxy);
    const [store, watching] = [connect([proxy.endpoint]), connect([proxy.endpoint])];
    await store.put('/mixed/1', 'x');
    const watch = watching.watch({ prefix: '/mixed/' });
    await watch.ready;
    const next = nextEvents(watch[Symbol.asyncIterator]());
    // As behind a proxy that sends each request to another server. The header comes first, and in it the cluster's id.
    proxy.rewrite((message, path) => {
      if (!path.endsWith('/MemberList')) message[3]! ^= 1;
      return message;
    });
    const read = await failure(store.get('/mixed/1'));
    expect(read).toMatchObject({ code: 'unavailable', retryable: true });
    expect(read.message).toContain(`${proxy.endpoint} belongs to cluster`);
    expect(read.message).toContain(`follows cluster ${ids.own}`);
    // Nobody knows where it was applied.
    expect(await failure(store.put('/mixed/2', 'x'))).toMatchObject({ code: 'unavailable', outcome: 'unknown' });
    expect(await failure(store.leases.grant(60))).toMatchObject({ code: 'unavailable', outcome: 'unknown' });
    await eventually(() => watch.state.status === 'interrupted');
    proxy.rewrite(undefined);
    expect(await next).toMatchObject({ events: [{ current: { key: '/mixed/2' } }] });
    expect(await store.get('/mixed/1')).toMatchObject({ key: '/mixed/1' });
  });
});

/** A unix socket in front of a server. */
async function relayOn(path: string, etcd: Etcd): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = createConnection(Number(new URL(etcd.endpoints[0]!).port), '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
