import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { isStoreError, type ConfigStore, type Page } from '@holdfast/store';
import { availableEtcds, eventually, findEtcd, startEtcd, startProxy, type Etcd } from '@holdfast/testkit';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { slowClock } from '../../etcd-common/test/support/slow-clock.js';

const COUNT = 24_000;
const VALUE = 'v'.repeat(600);

// The main version reads pages, the newest a stream.
describe.each([findEtcd({}), ...availableEtcds().slice(1).slice(-1)])('large reads on etcd $version', ({ version }) => {
  let etcd: Etcd;
  let store: ConfigStore;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    etcd = await startEtcd({ version });
    store = etcdV3Store({ endpoints: etcd.endpoints });
    await fill(store, COUNT, VALUE);
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
  });
  afterAll(async () => {
    await store.close();
    await etcd.close();
  });

  test('a list of more than 4 MiB works', async () => {
    const { items, count, more } = await store.list({ prefix: '/big/' });
    expect([items.length, count, more]).toEqual([COUNT, COUNT, false]);
    expect(items.reduce((sum, { value }) => sum + value.length, 0)).toBeGreaterThan(4 * 1024 * 1024);
    expect(items.at(-1)).toMatchObject({ key: keyOf(COUNT - 1), version: 1 });
  });

  test('a scan has every key once, in order, in several pages of one revision', async () => {
    const seen: string[] = [];
    const pages: Page[] = [];
    for await (const page of store.scan({ prefix: '/big/' })) {
      pages.push(page);
      for (let i = 0; i < page.length; i++) seen.push(page.key(i));
      // Written behind and before the reader: neither may show.
      await store.put(keyOf(COUNT + pages.length), 'later');
      await store.delete(keyOf(COUNT + pages.length));
    }
    expect(seen).toEqual(Array.from({ length: COUNT }, (_, i) => keyOf(i)));
    expect(pages.length).toBeGreaterThan(2);
    expect(new Set(pages.map(({ bookmark }) => JSON.stringify(bookmark))).size).toBe(1);
    expect(pages.map(({ total }) => total)).toEqual(pages.map(() => COUNT));
    expect(pages.map(({ more }) => more)).toEqual(pages.map((_, i) => i < pages.length - 1));
  });

  test('a page decodes what it is asked for, as views of what came', async () => {
    const [page] = await firstPages(store, 1);
    const entry = (await store.get(keyOf(7)))!;
    expect(page!.key(7)).toBe(entry.key);
    expect(page!.value(7)).toStrictEqual(entry.value);
    expect(page!.modRevision(7)).toBe(entry.modRevision);
    expect(page!.createRevision(7)).toBe(entry.createRevision);
    expect(page!.version(7)).toBe(1);
    expect(page!.value(0).buffer).toBe(page!.value(1).buffer);
    expect(page!.retainedBytes).toBeGreaterThan(page!.length * VALUE.length);
    expect(() => page!.key(page!.length)).toThrow(RangeError);
  });

  test('a scan of changed keys only brings those, and the count of all', async () => {
    const { revision } = await store.put(keyOf(5), VALUE);
    const pages: Page[] = [];
    for await (const page of store.scan({ prefix: '/big/' }, { minModRevision: revision })) pages.push(page);
    expect(pages.map((page) => [page.length, page.total, page.key(0)])).toEqual([[1, COUNT, keyOf(5)]]);
  });

  test('an empty range is one empty page, and keysOnly has no values', async () => {
    const [empty] = await firstPages(store, 1, '/none/');
    expect([empty!.length, empty!.total, empty!.more]).toEqual([0, 0, false]);
    for await (const page of store.scan({ prefix: '/big/' }, { keysOnly: true })) {
      expect(page.value(0)).toHaveLength(0);
      break;
    }
  });

  test('large values make small pages', async () => {
    await fill(store, 2_400, 'x'.repeat(25_000), '/huge/', 50);
    const sizes: number[] = [];
    for await (const page of store.scan({ prefix: '/huge/' })) sizes.push(page.retainedBytes);
    // Only the first comes before anything is known of the sizes.
    expect(sizes.length).toBeGreaterThan(3);
    for (const size of sizes.slice(1)) expect(size).toBeLessThan(16 * 1024 * 1024);
  });

  test('a compaction that overtakes a scan is a CompactedError', async () => {
    const proxy = await startProxy(etcd.endpoints[0]!);
    const other = etcdV3Store({ endpoints: [proxy.endpoint], clock: slowClock });
    open.push(other, proxy);
    const pages = other.scan({ prefix: '/big/' })[Symbol.asyncIterator]();
    await pages.next();
    // The second and the third page may have been on their way before the compaction, but not the fourth; and of a stream no more than the
    // network takes.
    proxy.stall('toClient');
    const { revision } = await store.put('/other', 'x');
    await store.compact(revision);
    await proxy.allow();
    const rest = (async () => {
      while ((await pages.next()).done !== true);
    })();
    const error = await rest.catch((caught: unknown) => caught);
    expect(isStoreError(error, 'compacted') && error.compactRevision).toBe(revision);
  });

  test('a scan that its reader leaves asks for no more', async () => {
    const proxy = await startProxy(etcd.endpoints[0]!);
    const other = etcdV3Store({ endpoints: [proxy.endpoint] });
    open.push(other, proxy);
    proxy.throttle(4_000_000, 'toClient');
    await firstPages(other, 1);
    proxy.throttle(Infinity, 'toClient');
    // Until a round of reads on the same connection brings nothing but their own answers.
    await eventually(async () => {
      const before = proxy.bytesToClient;
      for (let i = 0; i < 10; i += 1) await other.get('/x');
      return proxy.bytesToClient - before < 10_000;
    });
    // The first page is 0.7 MB, the second 3.3 MB.
    expect(proxy.bytesToClient).toBeLessThan(2_500_000);
  });

  test('asks for nothing more after a first page that was late, until its reader wants it', async () => {
    const proxy = await startProxy(etcd.endpoints[0]!);
    const other = etcdV3Store({ endpoints: [proxy.endpoint] });
    open.push(other, proxy);
    await other.get('/x');
    const begun = proxy.bytesToClient;
    proxy.delay(400, 'toClient');
    const pages = other.scan({ prefix: '/big/' })[Symbol.asyncIterator]();
    const first = (await pages.next()) as IteratorYieldResult<Page>;
    proxy.delay(0, 'toClient');
    // A second page would have come before these answers, or with them.
    for (let i = 0; i < 20; i += 1) await other.get('/x');
    expect(proxy.bytesToClient - begun).toBeLessThan(1_000_000);
    let seen = first.value.length;
    for (let next = await pages.next(); next.done !== true; next = await pages.next()) seen += next.value.length;
    expect(seen).toBe(COUNT);
  });

  test('pages of two histories are never put together', async () => {
    const before = await startEtcd({ version });
    const after = await startEtcd({ version, clusterToken: 'another' });
    const proxy = await startProxy(before.endpoints[0]!);
    const other = etcdV3Store({
      endpoints: [proxy.endpoint],
      // However long a busy machine takes to connect again.
      timeouts: { connectMs: 120_000 },
      retry: { attempts: 100 },
    });
    open.push(other, proxy, before, after);
    for (const target of [before, after]) {
      const direct = etcdV3Store({ endpoints: target.endpoints });
      await fill(direct, 9_000, 'x');
      await direct.close();
    }
    const pages = other.scan({ prefix: '/big/' })[Symbol.asyncIterator]();
    await pages.next();
    proxy.stall('toClient');
    proxy.retarget(after.endpoints[0]!);
    proxy.cut();
    await proxy.allow();
    const rest = (async () => {
      while ((await pages.next()).done !== true);
    })();
    await expect(rest).rejects.toMatchObject({ code: 'history-changed' });
  });
});

function keyOf(index: number, prefix = '/big/'): string {
  return `${prefix}${String(index).padStart(6, '0')}`;
}

async function fill(store: ConfigStore, count: number, value: string, prefix = '/big/', batch = 128): Promise<void> {
  for (let from = 0; from < count; from += batch) {
    const keys = Array.from({ length: Math.min(batch, count - from) }, (_, i) => keyOf(from + i, prefix));
    await store.txn({ then: keys.map((key) => ({ type: 'put', key, value })) });
  }
}

async function firstPages(store: ConfigStore, count: number, prefix = '/big/'): Promise<Page[]> {
  const pages: Page[] = [];
  for await (const page of store.scan({ prefix })) {
    pages.push(page);
    if (pages.length === count) break;
  }
  return pages;
}
