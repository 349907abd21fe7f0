// A member that was bootstrapped anew, and belongs to a cluster of its own, under a mirror: behind one of three endpoints, and
// behind a load balancer's name. It empties no mirror and takes no write.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { etcdV3Store, type EtcdV3Store } from '@holdfast/etcd-v3';
import { isStoreError } from '@holdfast/store';
import { eventually, findEtcd, startBalancer, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import { v3Outside } from './outside.js';
import { WatchedMirror } from './watched-mirror.js';
import { burst } from './writers.js';
import { inBackground } from '../../../../.ci/test/support/in-background.js';

const PREFIX = '/m/';

// Members and their clusters are told apart in the store, whose tests have all versions: packages/etcd-v3/test.
describe.each([findEtcd({}).version])('a mirror with a foreign member, on etcd %s', (version) => {
  let own: Etcd;
  let fresh: Etcd;
  let writer: EtcdV3Store;
  const open: { close(): unknown }[] = [];

  beforeAll(async () => {
    own = await startEtcd({ version, clusterToken: 'own' });
    fresh = await startEtcd({ version, clusterToken: 'fresh' });
    writer = etcdV3Store({ endpoints: own.endpoints });
    await burst(writer, 50, (index) => `${PREFIX}${index}`);
  });
  afterAll(async () => {
    await writer.close();
    await Promise.all([own.close(), fresh.close()]);
  });
  afterEach(async () => {
    for (const resource of open.splice(0).reverse()) await resource.close();
    expect((await v3Outside(fresh).held('')).size).toBe(0);
  });

  const opened = async (endpoints: readonly string[]) => {
    const store = etcdV3Store({ endpoints, random: () => 0, timeouts: { connectMs: 1_000 }, retry: { initialMs: 20 } });
    open.push(store);
    const watched = await WatchedMirror.open(store, v3Outside(own), PREFIX, { livenessMs: 1_000 });
    open.push(watched);
    await watched.settled();
    return { store, watched };
  };
  /** Writes until it is told to stop; what was acknowledged must be there. */
  const writing = (store: EtcdV3Store) => {
    const acknowledged: string[] = [];
    const loop = inBackground(async (isOver) => {
      for (let i = 0; !isOver(); i += 1) {
        await store.put(`${PREFIX}written/${i}`, `"${i}"`).then(
          () => acknowledged.push(`written/${i}`),
          (error: unknown) => {
            if (!isStoreError(error, 'unavailable')) throw error;
          },
        );
      }
    });
    return {
      ...loop,
      async stop(): Promise<readonly string[]> {
        await loop.stop();
        return acknowledged;
      },
    };
  };

  test('two of three are down while the third is foreign: it keeps what it has, says so, and is live again (trap 23)', async () => {
    const proxies: Proxy[] = [];
    for (const etcd of [own, own, fresh]) {
      const proxy = await startProxy(etcd.endpoints[0]!);
      proxies.push(proxy);
      open.push(proxy);
    }
    const { store, watched } = await opened(proxies.map(({ endpoint }) => endpoint));
    const { size } = watched.mirror;
    await using writes = writing(store);
    for (const proxy of proxies.slice(0, 2)) {
      proxy.refuse();
      proxy.cut();
    }
    await eventually(() => watched.mirror.state.status === 'stale');
    // By then the store has met the foreign member many times.
    await eventually(() => proxies[2]!.totalConnections > 12);
    expect(watched.mirror.size).toBeGreaterThanOrEqual(size);
    expect(watched.mirror.state).toMatchObject({ status: 'stale' });
    expect(watched.resyncReasons).toEqual([]);
    await writer.put(`${PREFIX}meanwhile`, '"x"');
    for (const proxy of proxies) await proxy.allow();
    const acknowledged = await writes.stop();
    await watched.settled();
    expect([...watched.mirror.keys()]).toEqual(expect.arrayContaining(['meanwhile', ...acknowledged]));
    expect(watched.resyncReasons).toEqual([]);
  });

  test('a balancer with one fresh member among three sends connections back and forth (trap 23)', async () => {
    const lb = await startBalancer([own, own, fresh].map(({ endpoints }) => endpoints[0]!));
    open.push(lb);
    const { store, watched } = await opened([lb.endpoint]);
    const { size } = watched.mirror;
    await using writes = writing(store);
    for (let cut = 0; cut < 30; cut += 1) {
      const connections = lb.totalConnections;
      lb.cut();
      await eventually(() => lb.totalConnections > connections);
      expect(watched.mirror.size).toBeGreaterThanOrEqual(size);
    }
    const acknowledged = await writes.stop();
    await watched.settled();
    expect([...watched.mirror.keys()]).toEqual(expect.arrayContaining([...acknowledged]));
    expect(watched.resyncReasons).toEqual([]);
    expect(lb.chosen.filter((place) => place === 2).length).toBeGreaterThan(5);
  });
});
