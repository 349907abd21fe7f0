// What a keep-alive may say of a lease: that it is gone only if etcd says so.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { etcdV3Store, type EtcdV3Store } from '@holdfast/etcd-v3';
import {
  availableEtcds,
  grpcAnswer,
  startAnsweringProxy,
  startEtcd,
  type AnsweringProxy,
  type Etcd,
} from '@holdfast/testkit';

const KEEP_ALIVE = '/etcdserverpb.Lease/LeaseKeepAlive';
/** How etcd 3.7 ends a keep-alive when its member loses the leader. Older versions say "no leader". */
const CANCELLED = grpcAnswer([], { status: 1, message: 'context canceled' });

let etcd: Etcd;
let proxy: AnsweringProxy;
let store: EtcdV3Store;

beforeAll(async () => {
  etcd = await startEtcd({ version: availableEtcds().at(-1)!.version });
});
afterAll(() => etcd.close());

beforeEach(async () => {
  proxy = await startAnsweringProxy(etcd.endpoints[0]!);
  store = etcdV3Store({ endpoints: [proxy.endpoint], retry: { initialMs: 10, maxMs: 50 } });
});
afterEach(async () => {
  await store.close();
  await proxy.close();
});

test('a keep-alive that is cancelled for a lost leader is asked again, and the lease lives on', async () => {
  const { id } = await store.leases.grant(60);
  let cancelled = 0;
  proxy.answer(({ path }) => (path === KEEP_ALIVE && cancelled++ < 1 ? CANCELLED : 'pass'));
  expect(await store.leases.keepAlive(id)).toEqual({ id, ttl: 60 });
  expect(cancelled).toBe(2);
});

test('while it stays cancelled, the store is unavailable, and the lease is not called lost', async () => {
  const { id } = await store.leases.grant(60);
  proxy.answer(({ path }) => (path === KEEP_ALIVE ? CANCELLED : 'pass'));
  await expect(store.leases.keepAlive(id, { timeoutMs: 500 })).rejects.toMatchObject({ retryable: true });
  await expect(store.leases.keepAlive(id, { timeoutMs: 500 })).rejects.not.toMatchObject({ code: 'lease-not-found' });
  expect(await store.leases.timeToLive(id)).toMatchObject({ id, grantedTtl: 60 });
});

test('a lease that was revoked is gone', async () => {
  const { id } = await store.leases.grant(60);
  await store.leases.revoke(id);
  await expect(store.leases.keepAlive(id)).rejects.toMatchObject({ code: 'lease-not-found', retryable: false });
});
