import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openStore, type Op, type Txn } from '@holdfast/store';
import { memory, memoryStore, type MemoryStore, type MemoryStoreOptions } from '@holdfast/memory';

let store: MemoryStore;

beforeEach(() => {
  store = memoryStore();
});

afterEach(() => store.close());

const refused = (code: string) => expect.objectContaining({ code, outcome: 'not-applied' });

function puts(count: number): Op[] {
  return Array.from({ length: count }, (_, i) => ({ type: 'put', key: `/k${i}`, value: '' }));
}

describe('limits', () => {
  test('a request of 1.5 MiB of keys and values is taken, one byte more is too large', async () => {
    const most = 1.5 * 1024 * 1024;
    await store.put('/a', new Uint8Array(most - 2));
    await expect(store.put('/a', new Uint8Array(most - 1))).rejects.toEqual(refused('too-large'));
    const half = { type: 'put', value: new Uint8Array(most / 2) } as const;
    await expect(
      store.txn({
        then: [
          { ...half, key: '/a' },
          { type: 'txn', txn: { else: [{ ...half, key: '/b' }] } },
        ],
      }),
    ).rejects.toEqual(refused('too-large'));
    expect((await store.status()).revision).toBe(2);
  });

  test('a transaction that only reads may be longer, by the 512 KiB that gRPC leaves beside the limit of etcd', async () => {
    const most = 2 * 1024 * 1024;
    const compare = { target: 'value', key: '/a', op: '=' } as const;
    const read = (bytes: number): Txn => ({
      if: [{ ...compare, value: new Uint8Array(bytes - '/a/a\0/a'.length) }],
      else: [{ type: 'get', key: '/a' }],
    });
    expect(await store.txn(read(most))).toMatchObject({ succeeded: false });
    await expect(store.txn(read(most + 1))).rejects.toEqual(refused('too-large'));
    const writes: Txn = { ...read(most), then: puts(1) };
    await expect(store.txn(writes)).rejects.toEqual(refused('too-large'));
  });

  test('128 operations are taken, 129 are too large, and nested ones have what is left', async () => {
    await store.txn({ then: puts(128) });
    await expect(store.txn({ then: puts(129) })).rejects.toEqual(refused('too-large'));
    const nested = (count: number): Txn => ({ then: [{ type: 'txn', txn: { then: puts(count) } }] });
    await store.txn(nested(127));
    await expect(store.txn(nested(128))).rejects.toEqual(refused('too-large'));
    expect((await store.status()).revision).toBe(3);
  });

  test('are what the options say', async () => {
    const small = memoryStore({ maxRequestBytes: 10, maxTxnOperations: 2 });
    expect(small.capabilities).toMatchObject({ maxRequestBytes: 10, maxTxnOperations: 2 });
    await expect(small.put('/a', 'x'.repeat(9))).rejects.toEqual(refused('too-large'));
    await expect(small.txn({ then: puts(3) })).rejects.toEqual(refused('too-large'));
    await small.close();
  });

  test('options that make no sense are refused', () => {
    const bad: MemoryStoreOptions[] = [
      { maxRequestBytes: 0 },
      { maxTxnOperations: 1.5 },
      { progressIntervalMs: -1 },
      { identity: '' },
      { maxRequestByte: 5 } as MemoryStoreOptions,
    ];
    for (const options of bad) {
      expect(() => memoryStore(options)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    }
  });
});

describe('transactions', () => {
  test('that read a revision which is gone, or not there yet, change nothing', async () => {
    await store.put('/a', '1');
    await store.put('/a', '2');
    await store.compact(3);
    for (const [revision, code] of [
      [2, 'compacted'],
      [9, 'future-revision'],
    ] as const) {
      const txn: Txn = { then: [...puts(1), { type: 'list', range: '/a', revision }] };
      await expect(store.txn(txn)).rejects.toEqual(refused(code));
    }
    expect((await store.status()).revision).toBe(3);
  });

  test('ignoreValue and ignoreLease need the key to be there before', async () => {
    for (const option of [{ ignoreValue: true }, { ignoreLease: true }]) {
      await expect(store.put('/a', '', option)).rejects.toEqual(refused('not-found'));
      await expect(store.txn({ then: [...puts(1), { type: 'put', key: '/a', value: '', ...option }] })).rejects.toEqual(
        refused('not-found'),
      );
    }
    await store.put('/a', 'kept');
    await store.put('/a', '', { ignoreValue: true });
    expect(await store.get('/a')).toMatchObject({ value: Buffer.from('kept'), version: 2 });
  });

  test('a list in the middle of one is bookmarked before it, so that a watch from there misses nothing', async () => {
    const list: Op = { type: 'list', range: { prefix: '' } };
    const [first, second, third] = puts(3);
    const bookmarks = async (then: Op[]) =>
      (await store.txn({ then })).results.flatMap((result) =>
        result.type === 'list' ? [result.bookmark.revision] : [],
      );
    expect(await bookmarks([list, first!, list, second!, list])).toEqual([1, 1, 2]);
    expect(await bookmarks([list, third!, list])).toEqual([2, 3]);
    expect(await bookmarks([list])).toEqual([3]);
  });

  test('one that deletes in one branch what a sibling before it put does both, in order, as etcd does', async () => {
    const watch = store.watch('/a', { previous: true });
    await store.put('/a', '1');
    await store.txn({
      then: [
        { type: 'txn', txn: { then: [{ type: 'put', key: '/a', value: '2' }] } },
        { type: 'txn', txn: { then: [{ type: 'delete', range: '/a' }] } },
      ],
    });
    expect(await store.get('/a')).toBeUndefined();
    const told = [];
    for await (const { events } of watch) {
      told.push(...events);
      if (told.length === 3) break;
    }
    expect(told).toMatchObject([
      { type: 'put', revision: 2 },
      { type: 'put', revision: 3, previous: { modRevision: 2 } },
      { type: 'delete', revision: 3, previous: { modRevision: 2 } },
    ]);
    await store.compact(3, { physical: true });
    expect(store.snapshot().changes).toEqual([]);
  });
});

describe('compact', () => {
  test('refuses what is compacted already, and what is not there yet', async () => {
    await store.put('/a', '1');
    await store.compact(1);
    await store.compact(2);
    await expect(store.compact(2)).rejects.toMatchObject({ code: 'compacted', compactRevision: 2 });
    await expect(store.compact(3)).rejects.toMatchObject({ code: 'future-revision' });
  });
});

describe('the adapter', () => {
  test('opens memory: URLs, a store of its own each time, with a prefix where one is given', async () => {
    const first = await openStore('memory:', { adapters: [memory] });
    const second = await openStore('memory:/app', { adapters: [memory] });
    await first.put('/a', '1');
    expect((await second.list({ prefix: '' })).count).toBe(0);
    expect(first.name).toBe('memory');
    await Promise.all([first.close(), second.close()]);
  });

  test('refuses hosts and parameters', async () => {
    for (const url of ['memory://host', 'memory:?x=1']) {
      await expect(openStore(url, { adapters: [memory] })).rejects.toMatchObject({ code: 'invalid-argument' });
    }
  });
});

describe('status', () => {
  test("tells this package's version, the identity and the size", async () => {
    const manifest = JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8')) as { version: string };
    const named = memoryStore({ identity: 'mine', name: 'test' });
    await named.put('/a', 'x'.repeat(1_000));
    const status = await named.status();
    expect(status).toMatchObject({ version: manifest.version, identity: 'mine', revision: 2, members: [] });
    expect(status.sizeBytes).toBeGreaterThan(1_000);
    expect(named.name).toBe('test');
    await named.close();
  });
});
