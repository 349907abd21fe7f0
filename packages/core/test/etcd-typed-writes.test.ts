// Typed writes on real servers: what several processes write through their mirrors at once.
import { etcdV2Store, type EtcdV2Options } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { type Etcd, startEtcd } from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { json, mirror } from '../src/index.js';

describe.each<[string, (options: EtcdV2Options) => ConfigStore]>([
  ['v3', etcdV3Store],
  ['v2', etcdV2Store],
])('on etcd %s', (name, connect) => {
  let etcd: Etcd;
  let store: ConfigStore;
  beforeAll(async () => {
    etcd = await startEtcd({ version: '3.5', enableV2: true });
    store = connect({ endpoints: etcd.endpoints });
  });
  afterAll(async () => {
    await store.close();
    await etcd.close();
  });

  test('ifUnchanged loses no step of a counter that many raise at once', async () => {
    await store.put('/counters/c', '0');
    const raise = async (times: number): Promise<void> => {
      await using own = connect({ endpoints: etcd.endpoints });
      await using counters = await mirror(own, { prefix: '/counters/', codec: json<number>() });
      for (let raised = 0; raised < times;) {
        const count = counters.get('c')!.value;
        const { succeeded } = await counters.put('c', count + 1, { ifUnchanged: true });
        if (succeeded) raised += 1;
        await counters.sync();
      }
    };
    await Promise.all([raise(10), raise(10), raise(10)]);
    expect(Buffer.from((await store.get('/counters/c'))!.value).toString()).toBe('30');
  });

  test('ifUnchanged means absent for a new key, and deletes what is known', async () => {
    await using config = await mirror(store, { prefix: '/config/', codec: json<string>() });
    const results = await Promise.all(
      Array.from({ length: 5 }, (_, n) => config.put('new', `${n}`, { ifUnchanged: true })),
    );
    expect(results.filter(({ succeeded }) => succeeded)).toHaveLength(1);
    await config.sync();
    await config.put('new', 'last');
    await config.sync();
    expect(await config.delete('new', { ifUnchanged: true })).toMatchObject({ succeeded: true });
    await config.sync();
    expect(config.has('new')).toBe(false);
    expect(await config.delete('new', { ifUnchanged: true })).toMatchObject({ succeeded: true, deleted: 0 });
  });

  test('a checked operation is one of a transaction', async () => {
    await using config = await mirror(store, { prefix: '/txn/', codec: json<number>() });
    const op = await config.putOp('a', 1);
    if (name === 'v2') {
      await expect(store.txn({ then: [op, await config.putOp('b', 2)] })).rejects.toMatchObject({
        code: 'unsupported',
      });
      return;
    }
    const { revision } = await store.txn({ then: [op, await config.putOp('b', 2)] });
    await config.waitFor(revision);
    expect(config.get('b')?.value).toBe(2);
  });
});
