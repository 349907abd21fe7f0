import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { json, mirror } from '@holdfast/core';
import { openSession } from '@holdfast/coordination';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { eventually, startEtcd, startProxy, virtualClock, type Etcd, type Proxy } from '@holdfast/testkit';
import { Sdk, type Point } from './support/sdk.js';

// A port of the loopback address where nothing listens.
const NOBODY = 'http://127.0.0.1:1';

let etcd: Etcd;
let proxy: Proxy;
let sdk: Sdk;
beforeAll(async () => {
  // With etcd's old API too.
  etcd = await startEtcd({ enableV2: true });
  proxy = await startProxy(etcd.endpoints[0]!);
});
afterAll(async () => {
  await proxy.close();
  await etcd.close();
});
beforeEach(() => {
  sdk = new Sdk();
});
afterEach(() => sdk.close());

const pointsOf = async (name: string): Promise<readonly Point[]> => (await sdk.metrics()).get(name)?.points ?? [];

test.each([
  ['etcd-v3', etcdV3Store],
  ['etcd-v2', etcdV2Store],
] as const)('calls of %s have the server that answered, of several endpoints', async (name, open) => {
  const store = open({ endpoints: [NOBODY, proxy.endpoint] });
  await store.put(`/${name}/a`, '1');
  await store.get(`/${name}/a`);
  const server = { 'server.address': '127.0.0.1', 'server.port': proxy.port };
  expect(sdk.spans().map(({ name: span, attributes }) => [span, attributes])).toEqual(
    ['put', 'get'].map((operation) => [
      `${operation} 127.0.0.1:${proxy.port}`,
      { 'db.system.name': name, 'db.operation.name': operation, ...server },
    ]),
  );
  expect(await pointsOf('db.client.operation.duration')).toMatchObject([
    { attributes: server },
    { attributes: server },
  ]);
  await store.close();
});

test('an outage shows as staleness and failed calls, and ends', async () => {
  const clock = virtualClock();
  const store = etcdV3Store({ endpoints: [proxy.endpoint] });
  await store.put('/app/a', '1');
  const routes = await mirror(store, { prefix: '/app/', codec: json(), name: 'routes', clock });
  await routes.sync();
  proxy.refuse();
  proxy.cut();
  await eventually(() => {
    expect(routes.state.connection).toBe('interrupted');
  });
  await clock.advance(90_000);
  const attributes = { name: 'routes', 'db.system.name': 'etcd-v3' };
  const [stale] = await pointsOf('holdfast.mirror.staleness');
  expect(stale?.attributes).toEqual(attributes);
  expect(stale?.value).toBeGreaterThanOrEqual(90);
  await store.put('/app/b', '2', { timeoutMs: 50 }).catch(() => undefined);
  const failed = sdk.spans().find(({ name }) => name.startsWith('put ') && name.includes(String(proxy.port)));
  expect(failed?.attributes).toMatchObject({ 'db.system.name': 'etcd-v3', 'db.operation.name': 'put' });
  await proxy.allow();
  await eventually(async () => {
    await clock.advance(500);
    expect(await pointsOf('holdfast.mirror.staleness')).toEqual([{ attributes, value: 0 }]);
  });
  await routes.close();
  await store.close();
});

test('counts the resyncs after a compaction, by their reason, and a session whose lease is gone', async () => {
  const clock = virtualClock();
  const store = etcdV3Store({ endpoints: [proxy.endpoint] });
  const direct = etcdV3Store({ endpoints: [...etcd.endpoints] });
  await direct.put('/app/a', '1');
  const routes = await mirror(store, { prefix: '/app/', codec: json(), name: 'routes', backoff: { initialMs: 1 } });
  await routes.sync();
  const session = await openSession(store, { clock });
  proxy.refuse();
  proxy.cut();
  for (let n = 0; n < 3; n += 1) await direct.put('/app/a', String(n));
  const { revision } = await direct.put('/app/b', '2');
  await direct.compact(revision);
  await direct.leases.revoke(session.lease);
  await proxy.allow();
  await routes.waitFor(revision, { timeoutMs: 60_000 });
  await eventually(async () => {
    await clock.advance(100);
    expect(session.signal.aborted).toBe(true);
  });
  const all = await sdk.metrics();
  const resyncs = all.get('holdfast.mirror.resyncs')?.points ?? [];
  expect(resyncs.map(({ attributes }) => attributes)).toContainEqual({ name: 'routes', reason: 'compacted' });
  expect(all.get('holdfast.session.lost')?.points).toEqual([{ attributes: { 'db.system.name': 'etcd-v3' }, value: 1 }]);
  await session.close();
  await routes.close();
  await Promise.all([store.close(), direct.close()]);
});
