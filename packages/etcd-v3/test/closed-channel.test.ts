import { expect, test } from '@jest/globals';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { isStoreError } from '@holdfast/store';
import { availableEtcds, eventually, startEtcd, startProxy } from '@holdfast/testkit';
import { parseEndpoint } from '@holdfast/etcd-common';
import { Endpoint } from '../src/connection/endpoint.js';
import { resolveOptions } from '../src/options.js';

test('a new connection is not taken for one that was idle for long by a user that hears of it first', async () => {
  const [binary] = availableEtcds();
  await using etcd = await startEtcd({ version: binary!.version });
  const [server] = etcd.endpoints;
  const endpoint: Endpoint = new Endpoint(parseEndpoint(server!), resolveOptions({ endpoints: [server!] }), () => {
    endpoint.letGoIfUnused();
  });
  try {
    const channel = await endpoint.connect();
    expect(endpoint.ready).toBe(channel);
  } finally {
    endpoint.close();
  }
});

test('a store that goes to an endpoint for the first time keeps the connection that it makes there, and loses no call', async () => {
  const [binary] = availableEtcds();
  await using etcd = await startEtcd({ version: binary!.version });
  const [server] = etcd.endpoints;
  await using one = await startProxy(server!);
  await using other = await startProxy(server!);
  // The store settles on one endpoint.
  other.refuse();
  const store = etcdV3Store({ endpoints: [one.endpoint, other.endpoint], retry: { initialMs: 1_000, maxMs: 2_000 } });
  const watch = store.watch({ prefix: '/k' });
  try {
    await watch.ready;
    await store.get('/k');
    await other.allow();
    one.refuse();
    one.cut();
    // The watch rests before it opens another stream, and is told of the connection that a read makes meanwhile.
    await eventually(() => watch.state.status === 'interrupted', { intervalMs: 1 });
    const failures: string[] = [];
    const reads = Array.from({ length: 5 }, (_, n) =>
      store.get(`/k${n}`, { timeoutMs: 60_000 }).catch((error: unknown) => {
        if (!isStoreError(error, 'unavailable')) failures.push(String(error));
      }),
    );
    await Promise.all(reads);
    await eventually(() => watch.state.status === 'live' && other.connections > 0);
    expect(failures).toEqual([]);
    // Questions for the cluster have connections of their own, which end at once: calls and the watch share the one that is left.
    await eventually(() => other.connections === 1);
  } finally {
    await watch.close();
    await store.close();
  }
});
