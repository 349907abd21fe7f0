import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { json, mirror } from '@holdfast/core';
import { etcdV2Store, type EtcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { toRevision } from '@holdfast/store';
import { eventually, startEtcd, type Etcd } from '@holdfast/testkit';

interface Node {
  readonly key: string;
  readonly value: string;
  readonly modifiedIndex: number;
  readonly ttl?: number;
}
interface Answer {
  readonly action: string;
  readonly node: Node;
}
interface Watcher {
  on(event: 'change', listener: (answer: Answer) => void): void;
  stop(): void;
}
type Method = 'set' | 'get' | 'create' | 'mkdir' | 'rmdir' | 'compareAndSwap' | 'compareAndDelete';

/** What the tests use of `node-etcd`, which has no types. The last argument is a callback. */
type NodeEtcd = Readonly<Record<Method, (...args: unknown[]) => void>> & {
  watcher(key: string, index: number, options: { recursive: boolean }): Watcher;
};

let etcd: Etcd;
let client: NodeEtcd;
let store: EtcdV2Store;
let prefix = '';

beforeAll(async () => {
  etcd = await startEtcd({ enableV2: true });
  const NodeEtcd = createRequire(__filename)('node-etcd') as new (hosts: readonly string[]) => NodeEtcd;
  client = new NodeEtcd(etcd.endpoints);
  store = etcdV2Store({ endpoints: etcd.endpoints });
});
afterAll(async () => {
  await store.close();
  await etcd.close();
});
beforeEach(() => {
  prefix = `/shop-${Math.random().toString(36).slice(2)}/`;
});

/** A call of `node-etcd` as a promise. */
async function call(method: Method, ...args: unknown[]): Promise<Answer> {
  const promised: (...args: unknown[]) => Promise<unknown> = promisify(client[method].bind(client));
  return (await promised(...args)) as Answer;
}

const text = (entry: { readonly value: Uint8Array } | undefined) => entry && new TextDecoder().decode(entry.value);

test('a mirror shows what node-etcd writes, and its watcher what Holdfast writes', async () => {
  await call('set', `${prefix}routes/a`, '{"port":80}');
  const routes = await mirror(store, { prefix: `${prefix}routes/`, codec: json() });
  expect(routes.get('a')?.value).toEqual({ port: 80 });
  const watcher = client.watcher(`${prefix}routes`, Number(routes.revision) + 1, { recursive: true });
  const seen: string[] = [];
  watcher.on('change', ({ action, node }) => seen.push(`${action} ${node.key.slice(prefix.length)}`));

  await call('set', `${prefix}routes/b`, '{"port":81}');
  await routes.sync();
  expect(routes.get('b')?.value).toEqual({ port: 81 });

  await store.put(`${prefix}routes/c`, '{"port":82}');
  expect((await call('get', `${prefix}routes/c`)).node.value).toBe('{"port":82}');
  await store.put(`${prefix}routes/c`, '{"port":83}');
  await store.delete(`${prefix}routes/a`);
  await eventually(() => {
    expect(seen).toEqual(['set routes/b', 'create routes/c', 'update routes/c', 'delete routes/a']);
  });
  watcher.stop();
  await routes.close();
});

test('guards see the writes of the other kind', async () => {
  const { node } = await call('set', `${prefix}a`, '1');
  const key = `${prefix}a`;
  expect(await store.put(key, '2', { ifAbsent: true })).toMatchObject({ succeeded: false });
  expect(await store.put(key, '2', { ifValue: 'other' })).toMatchObject({ succeeded: false });
  expect(await store.put(key, '2', { ifModRevision: toRevision(node.modifiedIndex) })).toMatchObject({
    succeeded: true,
  });
  await expect(call('compareAndSwap', `${prefix}a`, '3', '1')).rejects.toMatchObject({ errorCode: 101 });
  await expect(call('compareAndDelete', `${prefix}a`, '1')).rejects.toMatchObject({ errorCode: 101 });
  expect((await call('compareAndSwap', `${prefix}a`, '3', '2')).action).toBe('compareAndSwap');
  expect(text(await store.get(`${prefix}a`))).toBe('3');
});

test('a ttl of either kind deletes the key for both', async () => {
  await call('set', `${prefix}theirs`, 'up', { ttl: 60 });
  expect((await store.get(`${prefix}theirs`))?.expiresAt).toBeGreaterThan(Date.now());
  await store.put(`${prefix}ours`, 'up', { ttl: 60 });
  expect((await call('get', `${prefix}ours`)).node.ttl).toBeGreaterThan(50);
});

test('directories, and keys in order, are keys below a prefix', async () => {
  await call('mkdir', `${prefix}queue`);
  await call('create', `${prefix}queue`, 'first');
  await call('create', `${prefix}queue`, 'second');
  const { items } = await store.inOrder.list(`${prefix}queue`);
  expect(items.map(text)).toEqual(['first', 'second']);
  const jobs = await mirror(store, { prefix: `${prefix}queue/` });
  expect(jobs.size).toBe(2);
  await call('rmdir', `${prefix}queue`, { recursive: true });
  await jobs.sync();
  expect(jobs.size).toBe(0);
  await jobs.close();
});

test('what is written by v2 is not there by v3', async () => {
  await call('set', `${prefix}a`, '1');
  await store.put(`${prefix}b`, '2');
  const v3 = etcdV3Store({ endpoints: etcd.endpoints });
  expect((await v3.list({ prefix })).count).toBe(0);
  await v3.close();
});
