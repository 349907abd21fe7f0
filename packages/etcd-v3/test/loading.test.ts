import { memoryStore } from '@holdfast/memory';
import { startEtcd } from '@holdfast/testkit';
import { expect, jest, test } from '@jest/globals';

test('etcd3, which reads a file as it loads, is loaded for the first write of a store, and neither with the package nor for readers', async () => {
  const load = jest.fn(() => jest.requireActual<object>('etcd3/lib/connection-pool.js'));
  jest.doMock('etcd3/lib/connection-pool.js', load);
  const { etcdV3Store } = await import('@holdfast/etcd-v3');
  const memory = memoryStore();
  await memory.put('a', '1');
  await memory.close();
  const etcd = await startEtcd();
  const store = etcdV3Store({ endpoints: [...etcd.endpoints] });
  try {
    expect(await store.get('a')).toBeUndefined();
    const { bookmark, items } = await store.list({ prefix: '' });
    expect(items).toEqual([]);
    for await (const page of store.scan({ prefix: '' })) expect(page.length).toBe(0);
    expect(await store.status()).toHaveProperty('revision');
    // The delta of a resync is such a transaction.
    const both = await store.txn({
      then: [
        { type: 'get', key: 'a' },
        { type: 'list', range: { prefix: 'b' } },
      ],
    });
    expect(both.results).toHaveLength(2);
    const watch = store.watch({ prefix: '' }, { after: bookmark });
    const first = watch[Symbol.asyncIterator]().next();
    await watch.ready;
    expect(load).not.toHaveBeenCalled();
    // Two at once: both wait for it.
    await Promise.all([store.put('a', '1'), store.put('a', '1')]);
    expect(load).toHaveBeenCalledTimes(1);
    expect(await first).toMatchObject({ done: false });
    await watch.close();
    expect(load).toHaveBeenCalledTimes(1);
  } finally {
    await store.close();
    await etcd.close();
  }
});
