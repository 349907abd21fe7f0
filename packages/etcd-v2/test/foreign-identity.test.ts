// Endpoints that belong to another cluster than the store's: a member that was bootstrapped anew, a wrong address, a balancer
// in front of both. None of them serves anything; and a cluster that really was replaced is accepted soon.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { isStoreError } from '@holdfast/store';
import { findEtcd, eventually, startBalancer, startProxy, virtualClock, type Proxy } from '@holdfast/testkit';
import { etcdV2Store, type EtcdV2Options, type EtcdV2Store } from '@holdfast/etcd-v2';
import { etcdSays, HostileServer, notFound, type Asked } from './support/hostile-server.js';
import { follow, Follower, World } from './support/world.js';
import { failure } from '../../etcd-common/test/support/failure.js';

describe.each([findEtcd({})])('foreign clusters of etcd $version', ({ version }) => {
  let own: World;
  let fresh: World;
  let ids: { own: string; fresh: string };
  const open: { close(): unknown }[] = [];

  beforeAll(async () => {
    [own, fresh] = await Promise.all([
      World.start(version, { clusterToken: 'own' }),
      World.start(version, { clusterToken: 'fresh' }),
    ]);
    const idOf = async (world: World) => (await world.open().status()).identity;
    ids = { own: await idOf(own), fresh: await idOf(fresh) };
    await Promise.all([own.tidy(), fresh.tidy()]);
  });
  afterAll(async () => {
    await Promise.all([own.close(), fresh.close()]);
  });
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
    // Nothing was ever written there.
    expect(await fresh.raw('GET', '/')).toMatchObject({
      body: expect.stringMatching(/^\{"action":"get","node":\{"dir":true\}\}/),
    });
  });

  async function proxyTo(world: World): Promise<Proxy> {
    const proxy = await startProxy(world.etcd.endpoints[0]!);
    open.push(proxy);
    return proxy;
  }

  /** Two endpoints of the store's own cluster, and one of the fresh one. */
  async function three() {
    const [one, two, other] = [await proxyTo(own), await proxyTo(own), await proxyTo(fresh)];
    return { one, two, other, endpoints: [one, two, other].map(({ endpoint }) => endpoint) };
  }

  /** A store that begins with the first endpoint. */
  function connect(endpoints: readonly string[], options: Partial<EtcdV2Options> = {}): EtcdV2Store {
    const store = etcdV2Store({
      endpoints,
      random: () => 0,
      timeouts: { connectMs: 20_000 },
      retry: { initialMs: 20, maxMs: 200 },
      ...options,
    });
    open.push(store);
    return store;
  }

  const stop = (proxy: Proxy): void => {
    proxy.refuse();
    proxy.cut();
  };

  describe('one endpoint of three', () => {
    test('with the others down, a mirror keeps what it has, calls fail, and all goes on when they are back', async () => {
      const { one, two, other, endpoints } = await three();
      const store = connect(endpoints);
      await store.put('/a/1', 'kept');
      await using kept = await mirror(store, { prefix: '/a/', codec: text(), livenessMs: 1_500 });
      const watch = await follow(store, { prefix: '/a/' });
      await eventually(() => kept.state.status === 'live');
      stop(one);
      stop(two);
      await watch.status('interrupted');
      const calls = [
        () => store.get('/a/1'),
        () => store.get('/a/1', { consistency: 'serializable' }),
        () => store.list({ prefix: '/a/' }),
        () => store.status(),
        () => store.directories.list('/a'),
      ];
      for (const call of calls) expect(await failure(call())).toMatchObject({ code: 'unavailable', retryable: true });
      const writes = [
        () => store.put('/a/2', 'lost'),
        () => store.put('/a/2', 'lost', { ifAbsent: true }),
        () => store.delete('/a/1'),
        () => store.inOrder.create('/q', 'lost'),
        () => store.members.add(['http://127.0.0.1:1']),
      ];
      for (const write of writes) {
        const error = await failure(write());
        expect(error).toMatchObject({ code: 'unavailable', outcome: 'not-applied', retryable: true });
        expect(error.message).toContain(`${other.endpoint} belongs to cluster ${ids.fresh}`);
      }
      await eventually(() => kept.state.status === 'stale');
      expect([kept.size, kept.get('1')?.value]).toEqual([1, 'kept']);
      await own.raw('PUT', '/a/3', { value: 'meanwhile' });
      await Promise.all([one.allow(), two.allow()]);
      await watch.until(1);
      expect(watch.told).toEqual(['put /a/3=meanwhile']);
      await eventually(() => kept.state.status === 'live' && kept.size === 2);
      expect(watch.error).toBeUndefined();
      await own.raw('DELETE', '/a/3');
    });

    test('a store that begins with the foreign one follows the majority', async () => {
      const { one, two, other } = await three();
      // It waits for the answers of all, for as long as its clock stands still.
      const store = connect([other.endpoint, one.endpoint, two.endpoint], { clock: virtualClock() });
      await own.raw('PUT', '/start', { value: 'x' });
      expect(await store.get('/start')).toMatchObject({ key: '/start' });
      await store.put('/start', 'y');
      expect((await store.list('/start')).bookmark.identity).toBe(ids.own);
    });

    test('a write that a store begins with goes to the majority too', async () => {
      const { one, two, other } = await three();
      const store = connect([other.endpoint, one.endpoint, two.endpoint], { clock: virtualClock() });
      await store.put('/begun', 'x');
      expect((await own.raw('GET', '/begun')).status).toBe(200);
    });

    test('two of three that were replaced are accepted within seconds', async () => {
      const { one, two, endpoints } = await three();
      const store = connect(endpoints);
      await own.raw('PUT', '/replaced', { value: 'x' });
      const watch = await follow(store, '/replaced');
      two.retarget(fresh.etcd.endpoints[0]!);
      two.cut();
      stop(one);
      expect((await watch.ended())?.code).toBe('history-changed');
      expect((await store.list('/replaced')).bookmark.identity).toBe(ids.fresh);
    });

    test('it is accepted after identity.acceptAfterMs, and the former cluster is taken back when most endpoints tell it', async () => {
      const { one, two, endpoints } = await three();
      const store = connect(endpoints, { identity: { acceptAfterMs: 1_000 } });
      await own.raw('PUT', '/after', { value: 'x' });
      expect(await store.get('/after')).toMatchObject({ key: '/after' });
      stop(one);
      stop(two);
      await eventually(async () => (await store.list('/after')).bookmark.identity === ids.fresh);
      await Promise.all([one.allow(), two.allow()]);
      await eventually(async () => (await store.get('/after')) !== undefined);
    });
  });

  test('a balancer with one fresh member among three: connections go back and forth, and nothing is lost or shown absent', async () => {
    const targets = [own, fresh, own].map(({ etcd }) => etcd.endpoints[0]!);
    const lb = await startBalancer(targets);
    open.push(lb);
    const store = connect([lb.endpoint], { timeouts: { connectMs: 5_000 } });
    await store.put('/lb/0', 'x');
    const { bookmark } = await store.list({ prefix: '/lb/' });
    const watch = new Follower(store.watch({ prefix: '/lb/' }, { after: bookmark }));
    const acknowledged: string[] = [];
    for (let i = 1; i <= 30; i += 1) {
      // Some writes meet the end of their connection, and some the fresh member.
      lb.cut();
      if (i % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await store.put(`/lb/${i}`, 'x').then(
        () => acknowledged.push(`put /lb/${i}=x`),
        (error: unknown) => {
          if (!isStoreError(error, 'unavailable')) throw error;
        },
      );
      expect(await eventually(() => store.get('/lb/0'))).toMatchObject({ key: '/lb/0' });
    }
    expect(lb.chosen.filter((place) => place === 1).length).toBeGreaterThan(5);
    expect(acknowledged.length).toBeGreaterThan(5);
    await eventually(() => {
      expect(watch.told).toEqual(expect.arrayContaining(acknowledged));
    });
    expect(watch.error).toBeUndefined();
  });
});

describe('over a connection to the own cluster', () => {
  const open: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
  });

  const file = { key: '/a/x', value: '1', modifiedIndex: 4, createdIndex: 4 };

  /** A balancer of requests: the connections are its own. `cluster`: where a request goes. */
  async function behind(cluster: (asked: Asked) => string) {
    const server = await HostileServer.start((asked) => {
      const id = cluster(asked);
      if (asked.method !== 'GET') return etcdSays({ action: 'update' }, 5, 200, id);
      if (asked.path.includes('wait=true'))
        return etcdSays({ errorCode: 401, message: 'cleared', cause: '', index: 9_999 }, 9_999, 400, id);
      return asked.path.startsWith('/v2/keys/a/x')
        ? etcdSays({ action: 'get', node: file }, 5, 200, id)
        : notFound('/a/_', 5, id);
    });
    const retry = { attempts: 1, initialMs: 1, maxMs: 5 };
    const store = etcdV2Store({ endpoints: [server.endpoint], keepalive: false, retry });
    open.push(server, store);
    return { server, store };
  }

  test('an answer that comes of another one is refused, and a write may have been applied there', async () => {
    let other = false;
    const { store, server } = await behind(({ method, path }) =>
      other && (method !== 'GET' || path.includes('/a/x')) ? 'def' : 'abc',
    );
    expect(await store.get('/a/x')).toMatchObject({ key: '/a/x' });
    other = true;
    const read = await failure(store.get('/a/x'));
    expect(read).toMatchObject({ code: 'unavailable', retryable: true, endpoint: server.endpoint });
    expect(read.message).toContain('belongs to cluster def');
    expect(await failure(store.put('/a/x', '2'))).toMatchObject({ code: 'unavailable', outcome: 'unknown' });
    expect(await failure(store.put('/a/x', '2', { ifAbsent: true }))).toMatchObject({ outcome: 'unknown' });
  });

  test('what another one says of its history ends no watch', async () => {
    const { store } = await behind(({ path }) => (path.includes('wait=true') ? 'def' : 'abc'));
    const watch = new Follower(store.watch({ prefix: '/a/' }));
    await eventually(() => watch.statuses.filter((state) => state === 'interrupted').length > 3);
    expect(watch.error).toBeUndefined();
    expect(watch.watch.state).toMatchObject({
      cause: { code: 'unavailable', message: expect.stringContaining('cluster def') },
    });
  });

  test('a write goes over no connection that has not shown its cluster', async () => {
    const { store, server } = await behind(() => 'abc');
    await store.put('/a/x', '1');
    await store.put('/a/x', '2');
    expect(server.asked.map(({ method, path, connection }) => [method, path.split('?')[0], connection])).toEqual([
      ['GET', '/v2/keys/a/_', 1],
      ['PUT', '/v2/keys/a/x', 1],
      ['PUT', '/v2/keys/a/x', 1],
    ]);
  });

  test('the question for it goes without a user, unless a proxy wants one', async () => {
    let wants = false;
    const server = await HostileServer.start(({ method, authorization }) => {
      if (wants && authorization === undefined) return { status: 401, body: '<html>401</html>' };
      if (method !== 'GET') return etcdSays({ action: 'update' }, 6);
      return etcdSays(
        { errorCode: 110, message: 'The request requires user authentication', cause: '', index: 0 },
        0,
        401,
      );
    });
    open.push(server);
    for (wants of [false, true]) {
      const auth = { username: 'me', password: 'secret' };
      const store = etcdV2Store({ endpoints: [server.endpoint], keepalive: false, auth });
      open.push(store);
      expect((await store.put('/a/x', '1')).revision).toBe(6);
    }
    expect(server.asked.map(({ method, authorization }) => [method, authorization !== undefined])).toEqual([
      ['GET', false],
      ['PUT', true],
      ['GET', false],
      ['GET', true],
      ['PUT', true],
    ]);
  });

  test('a write is not sent at all where a proxy answers', async () => {
    const server = await HostileServer.start(() => ({ status: 404, body: '<html>404</html>' }));
    const store = etcdV2Store({ endpoints: [server.endpoint], keepalive: false, retry: { attempts: 2, initialMs: 1 } });
    open.push(server, store);
    const error = await failure(store.put('/a/x', '1'));
    expect(error).toMatchObject({ code: 'unavailable', outcome: 'not-applied', retryable: true });
    expect(error.message).toContain('HTTP 404');
    expect(server.asked.map(({ method }) => method)).toEqual(['GET', 'GET']);
  });

  test('a server that ends each connection after one answer can be written to', async () => {
    const server = await HostileServer.start(({ method }) => {
      const reply = method === 'GET' ? notFound('/a/_') : etcdSays({ action: 'update' }, 6);
      return typeof reply === 'string' ? reply : { ...reply, headers: { ...reply.headers, connection: 'close' } };
    });
    const store = etcdV2Store({ endpoints: [server.endpoint], keepalive: false });
    open.push(server, store);
    expect((await store.put('/a/x', '1')).revision).toBe(6);
  });
});
