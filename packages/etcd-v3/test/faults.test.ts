import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import type { Clock, ConfigStore } from '@holdfast/store';
import {
  findEtcd,
  eventually,
  reservePort,
  startEtcd,
  startProxy,
  virtualClock,
  type Etcd,
  type Proxy,
} from '@holdfast/testkit';
import { etcdV3Store, type EtcdV3Options } from '@holdfast/etcd-v3';
import { failure } from '../../etcd-common/test/support/failure.js';
import { whileTimePasses } from '../../etcd-common/test/support/while-time-passes.js';

/** How long calls look for a server, in milliseconds: longer than a busy machine stands still. */
const CONNECT_MS = 20_000;

describe.each([findEtcd({})])('faults on the way to etcd $version', ({ version }) => {
  let etcd: Etcd;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    etcd = await startEtcd({ version });
  });
  afterAll(() => etcd.close());
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
  });

  const proxyTo = async (target = etcd.endpoints[0]!): Promise<Proxy> => {
    const proxy = await startProxy(target);
    open.push(proxy);
    return proxy;
  };
  // The first endpoint is the preferred one, and retries come at once.
  const connect = (endpoints: readonly string[], options: Partial<EtcdV3Options> = {}): ConfigStore => {
    const store = etcdV3Store({
      endpoints,
      random: () => 0,
      timeouts: { connectMs: CONNECT_MS },
      retry: { initialMs: 20 },
      ...options,
    });
    open.unshift(store);
    return store;
  };
  /** A store of both endpoints that uses the first one. On a busy machine that takes so long to connect that the second is tried as well. */
  const settledOn = async (one: Proxy, two: Proxy): Promise<ConfigStore> => {
    two.refuse();
    const store = connect([one.endpoint, two.endpoint]);
    await store.get('/settled');
    await two.allow();
    return store;
  };
  const versionOf = async (key: string): Promise<number | undefined> => {
    const { kvs } = await etcd.api<{ kvs?: { version: string }[] }>('kv/range', { key: btoa(key) });
    return kvs === undefined ? undefined : Number(kvs[0]?.version);
  };

  describe('trap 9: an ambiguous write is not repeated', () => {
    test('a put whose answer is lost is applied once, and its outcome is unknown', async () => {
      const [one, two] = [await proxyTo(), await proxyTo()];
      const store = await settledOn(one, two);
      await store.put('/counter', '1');
      one.stall('toClient');
      const put = failure(store.put('/counter', '2'));
      await eventually(async () => (await versionOf('/counter')) === 2);
      one.cut();
      expect(await put).toMatchObject({
        code: 'unavailable',
        outcome: 'unknown',
        endpoint: one.endpoint,
        retryable: true,
      });
      // Both ways are open again, and the store uses them: it has simply not sent the write again.
      await one.allow();
      expect(await store.get('/counter')).toMatchObject({ version: 2 });
      await store.put('/counter', '3');
      expect(await versionOf('/counter')).toBe(3);
    });

    test('the same for a transaction, a delete and a put with a guard', async () => {
      const proxy = await proxyTo();
      const store = connect([proxy.endpoint]);
      for (const [name, write] of Object.entries({
        txn: () => store.txn({ then: [{ type: 'put', key: '/n', value: 'x' }] }),
        delete: () => store.delete('/n'),
        guarded: () => store.put('/n', 'x', { ifAbsent: true }),
      })) {
        await store.get('/n');
        const before = await etcd.revision();
        proxy.stall('toClient');
        const written = failure(write());
        await eventually(async () => (await etcd.revision()) === before + 1);
        proxy.cut({ reset: true });
        expect([name, await written]).toMatchObject([name, { code: 'unavailable', outcome: 'unknown' }]);
        await proxy.allow();
        await store.get('/n');
        expect(await etcd.revision()).toBe(before + 1);
      }
    });

    test('a put given up by its caller says that its outcome is unknown', async () => {
      const proxy = await proxyTo();
      const store = connect([proxy.endpoint]);
      await store.get('/given-up');
      proxy.stall('toClient');
      const timeout = await failure(store.put('/given-up', 'x', { timeoutMs: 100 }));
      expect(timeout).toMatchObject({ code: 'timeout', outcome: 'unknown' });
      const controller = new AbortController();
      const aborted = failure(store.put('/given-up', 'y', { signal: controller.signal }));
      await eventually(async () => (await etcd.ctl('get', '/given-up', '--print-value-only')).trim() === 'y');
      controller.abort();
      expect(await aborted).toMatchObject({ code: 'aborted', outcome: 'unknown' });
    });

    test('a put that could not be sent fails over, and is applied once', async () => {
      const [one, two] = [await proxyTo(), await proxyTo()];
      one.refuse();
      const store = connect([one.endpoint, two.endpoint]);
      await etcd.ctl('del', '/over');
      await store.put('/over', 'x');
      expect(await versionOf('/over')).toBe(1);
    });

    test('a put that nobody could be sent was not applied', async () => {
      const proxy = await proxyTo();
      const clock = virtualClock();
      const store = connect([proxy.endpoint], { timeouts: { connectMs: 2_000 }, clock });
      proxy.refuse();
      const error = await whileTimePasses(clock, failure(store.put('/nobody', 'x')));
      expect(error).toMatchObject({ code: 'unavailable', outcome: 'not-applied' });
      await proxy.allow();
      expect(await store.get('/nobody')).toBeUndefined();
    });
  });

  describe('trap 14: an outage is never "not found"', () => {
    test.each(['refuse', 'blackHole'] as const)('reads reject while the server is gone (%s)', async (fault) => {
      const proxy = await proxyTo();
      const clock = virtualClock();
      const store = connect([proxy.endpoint], { timeouts: { connectMs: 2_000 }, clock });
      await store.put('/there', 'x');
      proxy[fault]();
      if (fault === 'refuse') proxy.cut();
      const limit = { timeoutMs: fault === 'refuse' ? 30_000 : 200 };
      const codes = fault === 'refuse' ? ['unavailable'] : ['timeout'];
      const calls = [
        store.get('/there', limit),
        store.get('/absent', limit),
        store.list({ prefix: '/' }, limit),
        store.scan({ prefix: '/' }, limit)[Symbol.asyncIterator]().next(),
        store.leases.timeToLive('12', limit),
        store.status(limit),
      ];
      const failures = await whileTimePasses(clock, Promise.all(calls.map(failure)));
      for (const error of failures) expect(codes).toContain(error.code);
    });

    test('a read rides out a restart of the server', async () => {
      const proxy = await proxyTo();
      const store = connect([proxy.endpoint]);
      await store.put('/there', 'x');
      proxy.refuse();
      proxy.cut();
      const read = store.get('/there');
      await new Promise((resolve) => setTimeout(resolve, 200));
      await proxy.allow();
      expect(await read).toMatchObject({ key: '/there' });
    });

    test('a connection that is half open is noticed by its keepalive, and replaced', async () => {
      const proxy = await proxyTo();
      // Pings go by the system's clock. How long the next connection may take is a matter of this one.
      const clock = virtualClock();
      const keepalive = { intervalMs: 5_000, timeoutMs: 300 };
      const store = connect([proxy.endpoint], { keepalive, timeouts: { connectMs: 1_000 }, clock });
      await store.put('/half', 'x');
      proxy.blackHole();
      expect(await whileTimePasses(clock, failure(store.get('/half')))).toMatchObject({ code: 'unavailable' });
      await proxy.allow();
      expect(await store.get('/half')).toMatchObject({ key: '/half' });
    });

    test('a connection that was not used for long is not trusted when another one fails: a new one is made', async () => {
      const [first, second] = [await proxyTo(), await proxyTo()];
      // Without time, a first connection that takes long is no reason to try the second endpoint, or to ask for the cluster again.
      let aheadMs = 0;
      const still = virtualClock();
      const clock: Clock = {
        now: () => still.now() + aheadMs,
        setTimeout: (callback, delayMs) => still.setTimeout(callback, delayMs),
        clearTimeout: (handle) => {
          still.clearTimeout(handle);
        },
      };
      const store = connect([first.endpoint, second.endpoint], {
        keepalive: { intervalMs: 20_000, timeoutMs: 20_000 },
        clock,
      });
      const { revision } = await store.put('/idle', 'x');
      // Looked for at both, so that the second one is used from here on, and the first keeps an idle connection.
      await failure(store.get('/idle', { revision: revision + 1_000 }));
      // The second one was asked which cluster it is of when the store began, over a connection of its own.
      const connections = [first.totalConnections, second.totalConnections];
      expect(connections).toEqual([1, 2]);
      aheadMs = 30_000;
      const abandoned = first.abandon();
      second.refuse();
      second.cut();
      const signal = AbortSignal.timeout(60_000);
      expect(await store.get('/idle', { signal })).toMatchObject({ key: '/idle' });
      expect(first.totalConnections).toBe(2);
      abandoned.end();
    });
  });

  describe('endpoints', () => {
    test('unreachable ones give one error within the connect time-out, naming each and what became of it', async () => {
      const refusing = await reservePort();
      const silent = await listenSilently();
      open.push(silent);
      const endpoints = [`http://127.0.0.1:${refusing.port}`, `http://127.0.0.1:${silent.port}`];
      const clock = virtualClock();
      const store = connect(endpoints, { timeouts: { connectMs: 1_000 }, clock });
      const began = clock.now();
      const error = await whileTimePasses(clock, failure(store.get('/x')));
      expect(clock.now() - began).toBeLessThan(1_100);
      expect(error).toMatchObject({ code: 'unavailable', retryable: true });
      for (const endpoint of endpoints) expect(error.message).toContain(endpoint);
      expect(error.message).toContain('ECONNREFUSED');
      refusing.release();
    });

    test('a host that does not exist is named', async () => {
      const store = connect(['http://nowhere.invalid:2379'], { timeouts: { connectMs: 1_000 } });
      expect((await failure(store.get('/x'))).message).toMatch(/nowhere\.invalid/);
    });

    test('a handshake that hangs leaves no socket behind, neither after its time nor after close()', async () => {
      const silent = await listenSilently();
      open.push(silent);
      const impatient = connect([`http://127.0.0.1:${silent.port}`], { timeouts: { connectMs: 100 } });
      await failure(impatient.get('/x'));
      await eventually(() => silent.sockets.size === 0);
      const store = connect([`http://127.0.0.1:${silent.port}`], { timeouts: { connectMs: 60_000 } });
      const waiting = failure(store.get('/x'));
      await eventually(() => silent.sockets.size === 1);
      await store.close();
      expect((await waiting).code).toBe('closed');
      await eventually(() => silent.sockets.size === 0);
    });

    test('a read goes on at another endpoint when its own breaks', async () => {
      const [one, two] = [await proxyTo(), await proxyTo()];
      const store = await settledOn(one, two);
      await store.put('/f', 'x');
      expect((await store.status()).endpoint).toBe(one.endpoint);
      one.stall('toClient');
      const sent = one.bytesToServer;
      const read = store.get('/f');
      await eventually(() => one.bytesToServer > sent);
      one.refuse();
      one.cut();
      expect(await read).toMatchObject({ key: '/f' });
      expect((await store.status()).endpoint).toBe(two.endpoint);
    });

    test('an endpoint that does not answer holds nobody up for long', async () => {
      const [one, two] = [await proxyTo(), await proxyTo()];
      one.blackHole();
      const store = connect([one.endpoint, two.endpoint]);
      await store.put('/slow', 'x');
      expect((await store.status()).endpoint).toBe(two.endpoint);
    });

    test('a store has one connection, whatever it is asked', async () => {
      const proxy = await proxyTo();
      // As time passes, it asks for its cluster again, over a connection of its own.
      const store = connect([proxy.endpoint], { clock: virtualClock() });
      await Promise.all([
        store.get('/a'),
        store.list({ prefix: '/' }),
        store.leases.list(),
        store.status(),
        store.put('/a', 'x'),
        store.leases.grant(5),
      ]);
      expect(proxy.totalConnections).toBe(1);
    });

    test('close() leaves no connection', async () => {
      const proxy = await proxyTo();
      const store = connect([proxy.endpoint]);
      await store.put('/a', 'x');
      proxy.stall('toClient');
      const read = failure(store.get('/a'));
      await store.close();
      expect((await read).code).toBe('closed');
      await proxy.allow();
      await eventually(() => proxy.connections === 0);
    });

    test('fifty calls at once are nothing to warn of', async () => {
      const warnings: string[] = [];
      const onWarning = ({ message }: Error) => warnings.push(message);
      process.on('warning', onWarning);
      const store = connect([etcd.endpoints[0]!]);
      await Promise.all(Array.from({ length: 50 }, (_, i) => store.get(`/many/${i}`)));
      await Promise.all(Array.from({ length: 50 }, (_, i) => store.get(`/many/${i}`)));
      process.off('warning', onWarning);
      expect(warnings).toEqual([]);
    });

    test('a host name and a unix socket are endpoints too', async () => {
      const { port } = new URL(etcd.endpoints[0]!);
      const folder = await mkdtemp(join(tmpdir(), 'holdfast-unix-'));
      const path = join(folder, 'etcd.sock');
      const relay = createServer((socket) => {
        const upstream = createConnection(Number(port), '127.0.0.1');
        pipeline(socket, upstream, socket, () => undefined);
      });
      await new Promise<void>((resolve) => relay.listen(path, resolve));
      for (const endpoint of [`http://localhost:${port}`, `unix:${path}`, `unix://${path}`]) {
        const store = connect([endpoint]);
        await store.put('/named', endpoint);
        expect((await store.status()).endpoint).toBe(endpoint);
        await store.close();
      }
      await new Promise((resolve) => relay.close(resolve));
      await rm(folder, { recursive: true });
    });
  });

  test('a revision that a member does not have yet is looked for at the others (C13)', async () => {
    const history = await startEtcd({ version });
    await history.put('/old', 'x');
    const copy = await history.copyData();
    const lagging = await startEtcd({ version, dataDir: join(copy, 'm1') });
    open.push(history, lagging);
    let revision = 0;
    for (let i = 0; i < 5; i++) revision = await history.put('/new', String(i));
    const ahead = await startProxy(history.endpoints[0]!);
    open.push(ahead);
    ahead.refuse();
    const store = connect([lagging.endpoints[0]!, ahead.endpoint]);
    expect(await store.get('/new', { consistency: 'serializable' })).toBeUndefined();
    await ahead.allow();
    expect(await store.get('/new', { consistency: 'serializable', revision })).toMatchObject({ modRevision: revision });
    // None has it: what they said is the answer.
    expect(await failure(store.get('/new', { revision: revision + 10 }))).toMatchObject({ code: 'future-revision' });
  });
});

interface SilentServer {
  readonly port: number;
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

/** Takes connections, and never says a word: what a hanging handshake looks like. */
async function listenSilently(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
