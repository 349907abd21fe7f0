import { memoryStore } from '@holdfast/memory';
import { expect, jest, test } from '@jest/globals';

test('etcd3, which reads a file as it loads, is loaded for the first call of a store, and not with the package', async () => {
  const load = jest.fn(() => jest.requireActual<object>('etcd3/lib/connection-pool.js'));
  jest.doMock('etcd3/lib/connection-pool.js', load);
  const { etcdV3Store } = await import('@holdfast/etcd-v3');
  const memory = memoryStore();
  await memory.put('a', '1');
  await memory.close();
  const store = etcdV3Store({ endpoints: ['http://127.0.0.1:1'], retry: { attempts: 1 } });
  expect(load).not.toHaveBeenCalled();
  await expect(store.get('a')).rejects.toMatchObject({ code: 'unavailable' });
  expect(load).toHaveBeenCalledTimes(1);
  await store.close();
});
