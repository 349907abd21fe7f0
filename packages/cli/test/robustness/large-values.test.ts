// Values of a megabyte: etcd v3 takes requests of 1.5 MiB, v2 forms of 10 MiB, and a memory store what etcd v3 does.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import { isStoreError, type ConfigStore } from '@holdfast/store';
import { eventually, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';

const MB = 1_000_000;
const PATIENCE = { timeoutMs: 30_000 };

/** Text that v2's forms hold as it is, and that differs from value to value in every part. */
const large = (seed: string, bytes = MB): string =>
  `${seed}_`.repeat(Math.ceil(bytes / (seed.length + 1))).slice(0, bytes);
const asText = (value: Uint8Array): string => Buffer.from(value).toString();

interface Backend {
  /** Through a proxy where there is a server. */
  readonly store: ConfigStore;
  readonly writer: ConfigStore;
  readonly proxy?: Proxy;
  close(): Promise<void>;
}

let etcd: Etcd;
beforeAll(async () => {
  etcd = await startEtcd({ version: '3.5', enableV2: true });
});
afterAll(() => etcd.close());

const onEtcd = (connect: (endpoints: readonly string[]) => ConfigStore) => async (): Promise<Backend> => {
  const proxy = await startProxy(etcd.endpoints[0]!);
  const [store, writer] = [connect([proxy.endpoint]), connect(etcd.endpoints)];
  const close = async (): Promise<void> => {
    await Promise.all([store.close(), writer.close()]);
    await proxy.close();
  };
  return { store, writer, proxy, close };
};

describe.each<[name: string, open: () => Promise<Backend>, most: number, many: number]>([
  // How large a request may be, in bytes, and how many values there are.
  [
    'memory',
    async () => {
      const store = memoryStore();
      return { store, writer: store, close: () => store.close() };
    },
    1.5 * 1024 * 1024,
    30,
  ],
  ['etcd v3', onEtcd((endpoints) => etcdV3Store({ endpoints })), 1.5 * 1024 * 1024, 30],
  ['etcd v2', onEtcd((endpoints) => etcdV2Store({ endpoints })), 10 * 1024 * 1024, 10],
])('values of a megabyte on %s', (_name, open, most, many) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
    for (let n = 0; n < many; n++) await backend.writer.put(`/large/${n}`, large(`first-${n}`));
  });
  afterAll(() => backend.close());

  test('are read back as they were written: one, all of them at once, and page by page', async () => {
    const { store } = backend;
    expect(asText((await store.get('/large/7'))!.value)).toBe(large('first-7'));
    const { items, count } = await store.list({ prefix: '/large/' });
    expect(count).toBe(many);
    const expected = new Map(Array.from({ length: many }, (_, n) => [`/large/${n}`, large(`first-${n}`)]));
    for (const { key, value } of items) expect(asText(value) === expected.get(key)).toBe(true);
    const scanned = new Set<string>();
    for await (const page of store.scan({ prefix: '/large/' })) {
      for (let index = 0; index < page.length; index++) {
        if (asText(page.value(index)) === expected.get(page.key(index))) scanned.add(page.key(index));
      }
    }
    expect(scanned.size).toBe(many);
  });

  test('are followed by a watch and a mirror, through a cut with a backlog of them', async () => {
    const { store, writer, proxy } = backend;
    const mirrored = await mirror(store, { prefix: '/large/', codec: text() });
    await using watch = store.watch({ prefix: '/large/' }, { after: mirrored.bookmark });
    await watch.ready;
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { events } of watch) {
        for (const event of events) if (event.type === 'put') seen.push(asText(event.current.value).slice(0, 12));
      }
    })();
    proxy?.refuse();
    proxy?.cut();
    for (let n = 0; n < many; n++) await writer.put(`/large/${n}`, large(`second-${n}`));
    await proxy?.allow();
    await eventually(() => seen.length === many, PATIENCE);
    expect(seen).toEqual(Array.from({ length: many }, (_, n) => large(`second-${n}`).slice(0, 12)));
    await mirrored.sync({ timeoutMs: PATIENCE.timeoutMs });
    for (let n = 0; n < many; n++) expect(mirrored.get(String(n))?.value === large(`second-${n}`)).toBe(true);
    await mirrored.close();
    await watch.close();
    await watching;
  });

  test('over the limit are refused as too large, and not applied; right below it they are taken', async () => {
    const { store } = backend;
    await store.put('/limit', large('fits', Math.floor(most * 0.95)));
    const error: unknown = await store.put('/limit', large('not', most + MB)).catch((cause: unknown) => cause);
    if (!isStoreError(error)) throw error;
    expect([error.code, error.outcome, error.retryable]).toEqual(['too-large', 'not-applied', false]);
    expect(asText((await store.get('/limit'))!.value).slice(0, 5)).toBe('fits_');
    await store.delete('/limit');
  });
});
