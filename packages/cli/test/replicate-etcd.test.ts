// Replication and migration between real stores, through proxies that break: docs/migrating-between-stores.md.
import { migrate, replicate, type ReplicateOptions, type Replication } from '@holdfast/core/replicate';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { type Etcd, eventually, type Proxy, startEtcd, startProxy } from '@holdfast/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

let etcd: Etcd;
let run = 0;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  etcd = await startEtcd({ version: '3.5', enableV2: true });
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

afterAll(() => etcd.close());

interface Side {
  /** For whoever writes: without faults. */
  readonly store: ConfigStore;
  /** For the replicator. */
  readonly proxied: ConfigStore;
  readonly proxy: Proxy;
}

async function side(kind: 'v2' | 'v3'): Promise<Side> {
  const proxy = await startProxy(etcd.endpoints[0]!);
  const make = kind === 'v2' ? etcdV2Store : etcdV3Store;
  const store = make({ endpoints: [etcd.endpoints[0]!] });
  const proxied = make({ endpoints: [proxy.endpoint] });
  closers.push(
    () => proxy.close(),
    () => proxied.close(),
    () => store.close(),
  );
  return { store, proxied, proxy };
}

interface World {
  readonly from: Side;
  readonly to: Side;
  readonly options: ReplicateOptions;
  readonly start: (options?: Partial<ReplicateOptions>) => Promise<Replication>;
}

async function world(source: 'v2' | 'v3', target: 'v2' | 'v3'): Promise<World> {
  const [from, to] = [await side(source), await side(target)];
  run += 1;
  const options = { prefix: `/from${run}/`, targetPrefix: `/to${run}/`, name: `run-${run}` };
  return {
    from,
    to,
    options,
    async start(given = {}) {
      const replication = await replicate(from.proxied, to.proxied, { ...options, ...given });
      closers.push(() => replication.close());
      return replication;
    },
  };
}

async function held(store: ConfigStore, prefix: string): Promise<Record<string, string>> {
  const { items } = await store.list({ prefix });
  return Object.fromEntries(items.map(({ key, value }) => [key.slice(prefix.length), decodeUtf8(value) ?? '(binary)']));
}

describe.each([
  ['v3', 'v3'],
  ['v2', 'v3'],
  ['v3', 'v2'],
] as const)('from etcd %s to etcd %s', (source, target) => {
  test('nothing is lost, doubled or back while both connections break and replicators come and go', async () => {
    const { from, to, options, start } = await world(source, target);
    const { prefix, targetPrefix = '' } = options;
    for (let n = 0; n < 60; n += 1) await from.store.put(`${prefix}${n}`, 'first');
    await to.store.put(`${targetPrefix}theirs`, 'untouched');
    let replication = await start();
    for (let round = 0; round < 4; round += 1) {
      for (let n = 0; n < 20; n += 1) {
        const key = `${prefix}${(n * 7 + round * 3) % 70}`;
        if (n % 5 === 0) await from.store.delete({ key });
        else await from.store.put(key, `${round} ${n}`);
        if (n === 5) from.proxy.cut({ reset: true });
        if (n === 10) to.proxy.cut({ reset: true });
      }
      if (round === 1) replication = await start();
      if (round === 2) {
        await replication.close();
        await from.store.delete({ key: `${prefix}50` });
        await from.store.put(`${prefix}51`, 'while it was down');
        replication = await start();
      }
      await replication.sync();
      const { theirs, ...copies } = await held(to.store, targetPrefix);
      expect(theirs).toBe('untouched');
      expect(copies).toEqual(await held(from.store, prefix));
    }
    expect(replication.conflicts()).toEqual([]);
  });

  test('a migration there, with times to live, and back leaves nothing behind', async () => {
    const { from, to, options } = await world(source, target);
    const { prefix, targetPrefix = '' } = options;
    await from.store.put(`${prefix}1`, 'one');
    await from.store.put(`${prefix}2`, 'leased', { ttl: 120 });
    const moving = migrate(from.proxied, to.proxied, { ...options, drainMs: 300 });
    closers.push(() => moving.close());
    await moving.copy();
    await from.store.put(`${prefix}3`, 'three');
    expect(await moving.verify()).toMatchObject({ isEqual: true, keys: 3 });
    expect(await moving.cutOver()).toMatchObject({ stage: 'cut-over', late: [] });
    expect(await held(to.store, targetPrefix)).toEqual({ 1: 'one', 2: 'leased', 3: 'three' });
    const copy = await to.store.get(`${targetPrefix}2`);
    const left =
      copy?.lease === undefined
        ? ((copy?.expiresAt ?? 0) - Date.now()) / 1_000
        : (await to.store.leases.timeToLive(copy.lease)).ttl;
    expect(left).toBeGreaterThan(60);
    expect(left).toBeLessThanOrEqual(121);
    await to.store.put(`${targetPrefix}1`, 'newer');
    await to.store.delete({ key: `${targetPrefix}3` });
    expect(await moving.retreat()).toMatchObject({ stage: 'retreated' });
    expect(await held(from.store, prefix)).toEqual({ 1: 'newer', 2: 'leased' });
    await moving.finish();
    for (const { store } of [from, to]) {
      const left = (await store.list({ prefix: '/holdfast/' })).items.filter(({ key }) => key.includes(options.name));
      expect(left).toEqual([]);
    }
  });
});

test('what etcd v2 can not hold is listed, and nothing of it is lost', async () => {
  const { from, to, options, start } = await world('v3', 'v2');
  const { prefix, targetPrefix = '' } = options;
  await from.store.put(`${prefix}binary`, new Uint8Array([0xff, 0]));
  await from.store.put(`${prefix}a//b`, 'no path');
  await from.store.put(`${prefix}_hidden`, 'hidden');
  await from.store.put(`${prefix}fine`, 'text');
  await expect(start()).rejects.toMatchObject({ name: 'ReplicationConflictError' });
  expect(await held(to.store, targetPrefix)).toEqual({});
  const replication = await start({ onConflict: 'skip' });
  expect(await held(to.store, targetPrefix)).toEqual({ fine: 'text' });
  expect(replication.conflicts().map(({ key, reason }) => [key.slice(prefix.length), reason])).toEqual(
    expect.arrayContaining([
      ['binary', 'value'],
      ['a//b', 'key'],
      ['_hidden', 'key'],
    ]),
  );
  await from.store.put(`${prefix}binary`, 'text by now');
  await replication.sync();
  expect(await held(to.store, targetPrefix)).toEqual({ fine: 'text', binary: 'text by now' });
  expect(replication.conflicts()).toHaveLength(2);
});

test('a source that was compacted while the connection was down is compared', async () => {
  const { from, to, options, start } = await world('v3', 'v3');
  const { prefix, targetPrefix = '' } = options;
  for (let n = 0; n < 20; n += 1) await from.store.put(`${prefix}${n}`, 'x');
  const replication = await start();
  from.proxy.refuse();
  from.proxy.cut({ reset: true });
  await from.store.delete({ key: `${prefix}3` });
  const { revision } = await from.store.put(`${prefix}4`, 'y');
  await from.store.compact(revision);
  await from.proxy.allow();
  await eventually(async () => {
    expect(await held(to.store, targetPrefix)).toEqual(await held(from.store, prefix));
  });
  await replication.sync();
});
