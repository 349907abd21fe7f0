import { expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { isStoreError, type WatchBatch } from '@holdfast/store';
import { createStore } from '@holdfast/store/adapter';
import { eventually } from '@holdfast/testkit';
import { Partition } from '../src/quickstart/partition.js';

function world() {
  const store = memoryStore();
  const partition = new Partition(store);
  const behind = createStore(partition);
  return { store, partition, behind };
}

test('while it is cut reads fail, and the store counts no watch', async () => {
  const { store, partition, behind } = world();
  const watch = behind.watch({ prefix: '/' });
  await watch.ready;
  await partition.cut();
  expect(watch.state.status).toBe('interrupted');
  expect(store.watcherCount).toBe(0);
  for (const read of [behind.get('/a'), behind.list({ prefix: '/' }), behind.status()]) {
    await expect(read).rejects.toMatchObject({ code: 'unavailable' });
  }
  await expect(behind.scan({ prefix: '/' })[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'unavailable',
  });
  partition.heal();
  expect(await behind.get('/a')).toBeUndefined();
  await behind.close();
  await store.close();
});

test('a healed watch tells everything that it missed, once', async () => {
  const { store, partition, behind } = world();
  const watch = behind.watch({ prefix: '/' });
  await watch.ready;
  await store.put('/a', '1');
  const iterator = watch[Symbol.asyncIterator]();
  const first = (await iterator.next()).value as WatchBatch;
  await partition.cut();
  await store.put('/b', '2');
  await store.put('/c', '3');
  partition.heal();
  const batches = [first];
  await eventually(async () => {
    batches.push((await iterator.next()).value as WatchBatch);
    return batches.flatMap(({ events }) => events).length >= 3;
  });
  const keys = batches.flatMap(({ events }) => events).map((event) => event.type === 'put' && event.current.key);
  expect(keys).toEqual(['/a', '/b', '/c']);
  await behind.close();
  await store.close();
});

test('a compaction that overtakes a cut watch ends it as compacted', async () => {
  const { store, partition, behind } = world();
  const watch = behind.watch({ prefix: '/' });
  await watch.ready;
  await partition.cut();
  await store.put('/a', '1');
  const { revision } = await store.put('/a', '2');
  await store.compact(revision);
  partition.heal();
  const end = await watch[Symbol.asyncIterator]()
    .next()
    .catch((error: unknown) => error);
  expect(isStoreError(end, 'compacted')).toBe(true);
  await behind.close();
  await store.close();
});

test('a watch opened while it is cut follows once it is healed', async () => {
  const { store, partition, behind } = world();
  await partition.cut();
  const watch = behind.watch({ prefix: '/' });
  await eventually(() => watch.state.status === 'interrupted');
  partition.heal();
  await watch.ready;
  await watch.close();
  expect(store.watcherCount).toBe(0);
  await behind.close();
  await store.close();
});
