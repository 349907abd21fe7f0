// Behind one name stand many servers: a connection to one that can't serve is replaced, and the next may reach another.
import dns, { type LookupAddress, type LookupOptions } from 'node:dns';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { availableEtcds, eventually, startBalancer, virtualClock, type Balancer } from '@holdfast/testkit';
import { etcdV2Store, type EtcdV2Options, type EtcdV2Store } from '@holdfast/etcd-v2';
import { etcdHeaders, etcdSays, HostileServer, notFound, type Reply } from './support/hostile-server.js';
import { follow, World } from './support/world.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

function connect(endpoint: string, options: Partial<EtcdV2Options> = {}): EtcdV2Store {
  const store = etcdV2Store({
    endpoints: [endpoint],
    keepalive: { intervalMs: 300, timeoutMs: 500 },
    retry: { initialMs: 20, maxMs: 200 },
    ...options,
  });
  open.push(store);
  return store;
}

// Etcd takes seconds for each answer here: one version is enough.
describe.each(availableEtcds({ api: 'v2' }).slice(0, 1))(
  'a balancer before three members of etcd $version',
  ({ version }) => {
    let world: World;
    let lb: Balancer;

    beforeAll(async () => {
      world = await World.start(version, { nodes: 3, links: true });
    });
    afterAll(() => world.close());
    beforeEach(async () => {
      lb = await startBalancer(world.etcd.endpoints);
    });
    afterEach(async () => {
      await lb.close();
      world.etcd.links.heal();
      await eventually(async () => (await world.raw('PUT', '/healed', { value: '1' })).status < 300, {
        timeoutMs: 30_000,
      });
    });

    test('the connected member is cut off from the others: calls leave it, and so does a watch', async () => {
      lb.serve([0]);
      // What a call is told is enough for calls; a watch is told nothing, and needs the keepalive.
      const store = connect(lb.endpoint, { keepalive: false });
      await store.put('/lb/a', '0');
      const watch = await follow(connect(lb.endpoint), { prefix: '/lb/' });
      expect(new Set(lb.chosen)).toEqual(new Set([0]));
      lb.serve([1, 2, 0]);
      world.etcd.links.isolate(0);
      // Etcd itself takes some seconds to say so, each time.
      await eventually(() => store.put('/lb/a', '1').then(() => true), { timeoutMs: 30_000 });
      expect(await store.get('/lb/a')).toMatchObject({ key: '/lb/a' });
      await eventually(() => watch.told.includes('put /lb/a=1'), { timeoutMs: 30_000 });
      expect(watch.error).toBeUndefined();
    });

    test('a watch leaves it that nothing else is asked beside', async () => {
      lb.serve([0]);
      const store = connect(lb.endpoint);
      const watch = await follow(store, { prefix: '/alone/' });
      // What is asked for the leader reaches a member that has one, at first.
      lb.choose((turn) => 1 + (turn % 2));
      world.etcd.links.isolate(0);
      const { endpoints } = world.etcd;
      const beside = connect(endpoints[1]!);
      await eventually(() => beside.put('/alone/a', '1').then(() => true), { timeoutMs: 30_000 });
      await eventually(() => watch.told.at(-1) === 'put /alone/a=1', { timeoutMs: 30_000 });
      expect(watch.statuses).not.toContain('closed');
    });
  },
);

const file = { key: '/a/x', value: '1', modifiedIndex: 4, createdIndex: 4 };
const healthy = (path: string): Reply => {
  if (path.includes('wait=true')) return { status: 200, headers: etcdHeaders(5), headOnly: true };
  if (path.startsWith('/v2/members')) return etcdSays({ id: 'a', name: '', peerURLs: [] });
  return path.startsWith('/v2/keys/a/x') ? etcdSays({ action: 'get', node: file }) : notFound('/a/_');
};

describe('one name, and a server behind it that can not serve', () => {
  const noLeader = etcdSays(
    { errorCode: 300, message: 'Raft Internal Error', cause: 'etcdserver: no leader', index: 0 },
    0,
    500,
  );
  const page: Reply = { status: 502, body: '<html>502 Bad Gateway</html>' };

  test.each([
    ['no leader', noLeader],
    ['a page', page],
  ])('a connection on which it says so (%s) is replaced', async (_name, sick) => {
    const isSick = new Set([1]);
    const server = await HostileServer.start(({ path, connection }) => (isSick.has(connection) ? sick : healthy(path)));
    open.push(server);
    const store = connect(server.endpoint, { keepalive: false });
    expect(await store.get('/a/x')).toMatchObject({ key: '/a/x' });
    expect(server.asked.find(({ connection }) => connection === 1)).toBeDefined();
    // And the one that is well is kept.
    for (let i = 0; i < 5; i += 1) await store.get('/a/x');
    expect(new Set(server.asked.slice(1).map(({ connection }) => connection)).size).toBe(1);
  });

  test('a connection in place of it is asked for a leader before it carries anything: what is not sent is not in doubt', async () => {
    const sick = new Set([1, 2]);
    const server = await HostileServer.start(({ path, method, connection }) => {
      if (!sick.has(connection)) return method === 'GET' ? healthy(path) : etcdSays({ action: 'update' }, 6);
      if (path !== '/v2/members/leader') return method === 'GET' ? notFound('/a/_') : noLeader;
      return { status: 503, headers: etcdHeaders(), body: '{"message":"During election"}' };
    });
    open.push(server);
    const store = connect(server.endpoint, { keepalive: false });
    await expect(store.put('/a/x', '1')).rejects.toMatchObject({ code: 'unavailable', outcome: 'unknown' });
    expect((await store.put('/a/x', '1')).revision).toBe(6);
    const puts = server.asked.filter(({ method }) => method === 'PUT').map(({ connection }) => connection);
    expect(puts).toEqual([1, 3]);
  });

  test('silence on one connection gives up no other that has proved since that its member is well', async () => {
    const silent = new Set<number>();
    const server = await HostileServer.start(({ path, connection }) =>
      silent.has(connection) ? 'hang' : healthy(path),
    );
    open.push(server);
    const store = connect(server.endpoint, { keepalive: false });
    await Promise.all([store.get('/a/x'), store.get('/a/x')]);
    // The connection that was used last is used next.
    silent.add(server.asked.at(-1)!.connection);
    const asked = server.asked.length;
    const given = store.get('/a/x', { timeoutMs: 700 }).catch((error: unknown) => error);
    await eventually(() => server.asked.length > asked);
    await store.get('/a/x');
    const proved = server.asked.at(-1)!.connection;
    expect(silent.has(proved)).toBe(false);
    expect(await given).toMatchObject({ code: 'timeout' });
    const { totalConnections } = server;
    await store.get('/a/x');
    expect(server.asked.at(-1)!.connection).toBe(proved);
    expect(server.totalConnections).toBe(totalConnections);
  });

  test('connections are replaced with back-off where all servers say so', async () => {
    const server = await HostileServer.start(() => noLeader);
    open.push(server);
    // The back-off is a matter of time, which stands still but for the pauses between two tries: at most 2 ms for each of 40.
    const clock = virtualClock();
    const retry = { attempts: 20, initialMs: 1, maxMs: 2 };
    const store = connect(server.endpoint, { keepalive: false, retry, clock });
    const refused = async (): Promise<void> => {
      let error: unknown;
      store.get('/a/x').catch((reason: unknown) => (error = reason));
      await eventually(
        async () => {
          await clock.advance(2);
          return error !== undefined;
        },
        { intervalMs: 1 },
      );
      expect(error).toMatchObject({ code: 'unavailable' });
    };
    await refused();
    await refused();
    expect(server.asked.length).toBeGreaterThan(35);
    expect(server.totalConnections).toBeLessThan(10);
  });
});

describe('a name with several addresses, of which the first hangs', () => {
  let hanging: Server;
  let server: HostileServer;
  const sockets = new Set<Socket>();
  /** How many requests the hanging server has got. */
  let taken = 0;

  beforeEach(async () => {
    taken = 0;
    server = await HostileServer.start(
      ({ method, path }) => (method === 'GET' ? healthy(path) : etcdSays({ action: 'update' }, 6)),
      { host: '127.0.0.2' },
    );
    // It takes connections and requests, and says nothing.
    hanging = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined).on('data', () => (taken += 1)));
    });
    await new Promise<void>((resolve) => hanging.listen(server.port, '127.0.0.1', resolve));
    const real = dns.lookup.bind(dns);
    const found: LookupAddress[] = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
    type Callback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;
    jest.spyOn(dns, 'lookup').mockImplementation(((host: string, options: LookupOptions, callback: Callback) => {
      if (host !== 'etcd.test') real(host, options, callback as never);
      else if (options.all === true) setImmediate(callback, null, found);
      else setImmediate(callback, null, '127.0.0.1', 4);
    }) as never);
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const socket of sockets) socket.destroy();
    await server.close();
    await new Promise((resolve) => hanging.close(resolve));
  });

  const endpoint = () => `http://etcd.test:${server.port}`;

  test('reads, writes and watches go on at another one', async () => {
    const store = connect(endpoint(), { keepalive: { intervalMs: 100, timeoutMs: 2_000 } });
    expect(await store.get('/a/x')).toMatchObject({ key: '/a/x' });
    expect(taken).toBeGreaterThan(0);
    expect((await store.put('/a/x', '2')).revision).toBe(6);
    await follow(store, { prefix: '/a/' });
  });

  test('a write that is the first to find out was not sent there, and is made at the other one', async () => {
    const clock = virtualClock();
    const store = connect(endpoint(), { keepalive: false, timeouts: { connectMs: 1_000 }, clock });
    const put = store.put('/a/x', '2');
    await eventually(() => taken > 0);
    await clock.advance(1_000);
    // And the pauses between tries.
    const written = put.then(() => true);
    await eventually(async () => {
      await clock.advance(10);
      return Promise.race([written, Promise.resolve(false)]);
    });
    expect((await put).revision).toBe(6);
  });

  test('a call that is given up makes the next one go elsewhere', async () => {
    const clock = virtualClock();
    const store = connect(endpoint(), { keepalive: false, clock });
    const given = store.get('/a/x', { timeoutMs: 600 }).catch((error: unknown) => error);
    await eventually(() => taken > 0);
    await clock.advance(600);
    expect(await given).toMatchObject({ code: 'timeout' });
    expect(await store.get('/a/x')).toMatchObject({ key: '/a/x' });
    expect(server.asked.at(-1)).toMatchObject({ path: expect.stringContaining('/v2/keys/a/x') });
  });
});
