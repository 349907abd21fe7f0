import { describe, expect, test } from '@jest/globals';
import { type WatchBatch, isStoreError } from '@holdfast/store';
import { memoryStore } from '@holdfast/memory';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe('memoryStore', () => {
  test('an empty store is at revision 1, and its first write takes 2', async () => {
    const store = memoryStore();
    expect((await store.status()).revision).toBe(1);
    expect((await store.put('a', '1')).revision).toBe(2);
    await store.close();
  });

  test('a write of the same value takes a revision; a delete of nothing and a transaction without writes take none', async () => {
    const store = memoryStore();
    await store.put('a', '1');
    expect((await store.put('a', '1')).revision).toBe(3);
    expect(await store.delete('b')).toEqual({ revision: 3, deleted: 0 });
    expect(await store.txn({ then: [{ type: 'get', key: 'a' }] })).toMatchObject({ revision: 3 });
    expect((await store.status()).revision).toBe(3);
    await store.close();
  });

  test('a watch delivers what is written after it began, a batch for each revision', async () => {
    const store = memoryStore();
    await store.put('/a/0', 'before');
    const watch = store.watch({ prefix: '/a/' });
    await store.put('/a/1', 'one');
    await store.put('/b/1', 'elsewhere');
    await store.txn({
      then: [
        { type: 'put', key: '/a/2', value: 'two' },
        { type: 'delete', range: '/a/1' },
      ],
    });
    const batches: WatchBatch[] = [];
    for await (const batch of watch) {
      batches.push(batch);
      if (batches.length === 2) break;
    }
    expect(batches.map(({ bookmark }) => bookmark.revision)).toEqual([3, 5]);
    expect(batches[1]?.events).toMatchObject([
      { type: 'put', current: { key: '/a/2' }, isCreate: true },
      { type: 'delete', key: '/a/1', revision: 5 },
    ]);
    expect(store.watcherCount).toBe(0);
    await store.close();
  });

  test('reads at a past revision, until it is compacted', async () => {
    const store = memoryStore();
    await store.put('a', '1');
    await store.put('a', '2');
    await store.delete('a');
    await store.put('b', '1');
    expect(text((await store.get('a', { revision: 2 }))!.value)).toBe('1');
    expect((await store.list({ prefix: '' }, { revision: 3 })).items.map(({ key }) => key)).toEqual(['a']);
    await store.compact(3);
    expect(text((await store.get('a', { revision: 3 }))!.value)).toBe('2');
    const error: unknown = await store.get('a', { revision: 2 }).catch((thrown: unknown) => thrown);
    expect(isStoreError(error, 'compacted') && error.compactRevision).toBe(3);
    await store.close();
  });
});
