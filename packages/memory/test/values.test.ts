import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KeyValue, WatchEvent } from '@holdfast/store';
import { memoryStore, type MemoryStore } from '@holdfast/memory';

let store: MemoryStore;

beforeEach(() => {
  store = memoryStore();
});

afterEach(() => store.close());

const ONE = new TextEncoder().encode('one');
const raw = Uint8Array.of(0x2f, 0xff, 0xfe);

async function now(): Promise<string> {
  return Buffer.from((await store.get('/a'))!.value).toString();
}

describe('values', () => {
  test.each([
    ['Uint8Array', (): Uint8Array => Uint8Array.from(ONE)],
    // Its slice() is a view, not a copy.
    ['Buffer', (): Uint8Array => Buffer.from(ONE)],
  ])('are copied in: a %s that is used again does not change the store', async (_type, make) => {
    const buffer = make();
    await store.put('/a', buffer);
    buffer.fill(0);
    expect(await now()).toBe('one');
    buffer.set(ONE);
    await store.txn({ then: [{ type: 'put', key: '/a', value: buffer }] });
    buffer.fill(0);
    expect(await now()).toBe('one');
  });

  test('are copied out: nothing that any call returns can change the store', async () => {
    await store.put('/a', ONE);
    const watch = store.watch('/a', { after: { ...(await store.list('/a')).bookmark, revision: 1 as never } });
    const returned: KeyValue[] = [(await store.get('/a'))!, ...(await store.list('/a')).items];
    for await (const page of store.scan('/a')) page.value(0).fill(0);
    for await (const { events } of watch) {
      returned.push(...events.flatMap((event: WatchEvent) => (event.type === 'put' ? [event.current] : [])));
      break;
    }
    const { results } = await store.txn({
      then: [
        { type: 'get', key: '/a' },
        { type: 'list', range: '/a' },
      ],
    });
    for (const result of results) {
      if (result.type === 'get') returned.push(result.item!);
      if (result.type === 'list') returned.push(...result.items);
    }
    for (const { value } of store.snapshot().changes) value.fill(0);
    expect(returned.length).toBe(5);
    for (const { value } of returned) value.fill(0);
    expect(await now()).toBe('one');
    (await store.put('/a', 'two', { previous: true })).previous!.value.fill(0);
    expect(Buffer.from((await store.get('/a', { revision: 2 }))!.value).toString()).toBe('one');
  });
});

describe('keys that are not UTF-8', () => {
  beforeEach(async () => {
    await store.put('/a', '1');
    store.injectRaw(raw, 'raw');
    await store.put('/\u{10ffff}', '3');
  });

  test('are counted and listed as they are, apart from the others', async () => {
    const list = await store.list({ prefix: '/' });
    expect(list.items.map(({ key }) => key)).toEqual(['/a', '/\u{10ffff}']);
    expect(list.undecodable).toEqual([{ rawKey: raw, revision: 3, deleted: false }]);
    expect(list.count).toBe(3);
    const { results } = await store.txn({ then: [{ type: 'list', range: { prefix: '' } }] });
    expect(results[0]).toMatchObject({ count: 3, undecodable: [{ rawKey: raw }] });
  });

  test('come in the pages of a scan', async () => {
    for await (const page of store.scan({ prefix: '' })) {
      expect([page.length, page.total]).toEqual([2, 3]);
      expect(page.undecodable).toEqual([{ rawKey: raw, revision: 3, deleted: false }]);
    }
  });

  test('come in watch batches when they are written, and when they are deleted', async () => {
    const { identity } = (await store.list({ prefix: '' })).bookmark;
    const watch = store.watch({ prefix: '/' }, { after: { identity, revision: 2 as never } });
    await store.delete({ start: raw, end: Uint8Array.of(...raw, 0) });
    const told = [];
    for await (const { kind, events, undecodable, bookmark } of watch) {
      told.push([kind, events.length, undecodable]);
      if (bookmark.revision === 5) break;
    }
    expect(told).toEqual([
      ['events', 0, [{ rawKey: raw, revision: 3, deleted: false }]],
      ['events', 1, []],
      ['events', 0, [{ rawKey: raw, revision: 5, deleted: true }]],
    ]);
  });

  test('survive a snapshot', async () => {
    const copy = memoryStore();
    copy.restore(structuredClone(store.snapshot()));
    expect((await copy.list({ prefix: '' })).undecodable).toEqual([{ rawKey: raw, revision: 3, deleted: false }]);
    await copy.close();
  });

  test('must be bytes, at least one', () => {
    expect(() => store.injectRaw(new Uint8Array(0), '')).toThrow('at least one');
  });
});
