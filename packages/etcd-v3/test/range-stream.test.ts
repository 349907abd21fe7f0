// Scans on a server that has `RangeStream` (etcd 3.7), on those that have not, and through what does not pass it on.
import { spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { isStoreError, type ConfigStore, type KeyValue, type Page } from '@holdfast/store';
import { systemClock } from '@holdfast/store/adapter';
import {
  availableEtcds,
  eventually,
  grpcAnswer,
  reservePort,
  startAnsweringProxy,
  startEtcd,
  startProxy,
  type AnsweringProxy,
  type Etcd,
  type Proxy,
} from '@holdfast/testkit';
import { etcdV3Store, type EtcdV3Options, type EtcdV3Store } from '@holdfast/etcd-v3';
import { slowClock } from '../../etcd-common/test/support/slow-clock.js';
import { APP, enableAuth } from './watch-auth.js';

const COUNT = 24_000;
const VALUE = 'v'.repeat(600);
const MIB = 1024 * 1024;

/** The newest series has it, and the one before has not. */
const newest = availableEtcds().at(-1)!;
const older = availableEtcds().at(-2)!;

let etcd: Etcd;
let direct: EtcdV3Store;
let proxy: AnsweringProxy;
let wire: Proxy;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  etcd = await startEtcd({ version: newest.version });
  direct = etcdV3Store({ endpoints: etcd.endpoints });
  proxy = await startAnsweringProxy(etcd.endpoints[0]!);
  wire = await startProxy(etcd.endpoints[0]!);
  await fill(direct, COUNT);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((resource) => resource.close()));
  proxy.pass();
  await wire.allow();
});
afterAll(async () => {
  await direct.close();
  await proxy.close();
  await wire.close();
  await etcd.close();
});

/** A store that gives no stream up because it is late, unless the options name another clock. */
const connect = (endpoint: string, options: Partial<EtcdV3Options> = {}): EtcdV3Store => {
  const store = etcdV3Store({ endpoints: [endpoint], clock: slowClock, ...options });
  open.push(store);
  return store;
};

/** How often a method was asked for through the answering proxy since the last look. */
let looked = 0;
function asked(): { readonly ranges: number; readonly streams: number } {
  const paths = proxy.requests.slice(looked);
  looked = proxy.requests.length;
  const count = (method: string): number => paths.filter((path) => path === `/etcdserverpb.KV/${method}`).length;
  return { ranges: count('Range'), streams: count('RangeStream') };
}

/** How many streams the server serves at the moment. */
async function streamsAtServer(): Promise<number> {
  const labels = { grpc_service: 'etcdserverpb.KV', grpc_method: 'RangeStream' };
  const started = await etcd.metric('grpc_server_started_total', labels);
  return started - (await etcd.metric('grpc_server_handled_total', labels));
}

describe(`a scan on etcd ${newest.version}`, () => {
  test('is one page and a stream, with every key once, in order, at one revision', async () => {
    const store = connect(proxy.endpoint);
    await store.get('/x');
    asked();
    const seen: string[] = [];
    const pages: Page[] = [];
    for await (const page of store.scan({ prefix: '/big/' })) {
      pages.push(page);
      for (let i = 0; i < page.length; i += 1) seen.push(page.key(i));
      // Ahead of the reader: none of them may show.
      await direct.put(keyOf(COUNT + pages.length), 'later');
      await direct.delete(keyOf(COUNT + pages.length));
    }
    expect(seen).toEqual(KEYS);
    expect(asked()).toEqual({ ranges: 1, streams: 1 });
    expect(new Set(pages.map(({ bookmark }) => JSON.stringify(bookmark))).size).toBe(1);
    expect(pages.map(({ total }) => total)).toEqual(pages.map(() => COUNT));
    expect(pages.map(({ more }) => more)).toEqual(pages.map((_, i) => i < pages.length - 1));
    expect(pages.every(({ length }) => length > 0)).toBe(true);
    for (const page of pages) expect(page.retainedBytes).toBeLessThan(4 * MIB);
  });

  test('gives entries as a list does, from the past and without values too', async () => {
    const { items, bookmark } = await direct.list({ prefix: '/big/01' });
    await direct.put(keyOf(10_007), 'newer');
    for (const keysOnly of [false, true]) {
      const past = { revision: bookmark.revision, keysOnly };
      const entries = await entriesOf(direct, { prefix: '/big/01' }, past);
      const listed = items.map((item) => [item.key, keysOnly ? 0 : item.value.length, numbersOf(item)].join());
      expect(entries).toEqual(listed);
    }
    await direct.put(keyOf(10_007), VALUE);
  });

  test('has keys that are not UTF-8 apart, in the first page and in the stream', async () => {
    const bad = Uint8Array.of(0x2f, 0x62, 0x69, 0x67, 0x2f, 0x30, 0x32, 0xff);
    await etcd.put(bad, 'x');
    const pages: Page[] = [];
    for await (const page of direct.scan({ prefix: '/big/' })) pages.push(page);
    await etcd.api('kv/deleterange', { key: Buffer.from(bad).toString('base64') });
    expect(pages.flatMap(({ undecodable }) => undecodable).map(({ rawKey }) => rawKey)).toEqual([bad]);
    expect(pages.map(({ total }) => total)).toEqual(pages.map(() => COUNT + 1));
    expect(pages.reduce((sum, { length }) => sum + length, 0)).toBe(COUNT);
  });

  test('has a first page only where that is all', async () => {
    const store = connect(proxy.endpoint);
    await store.get('/x');
    asked();
    expect(await keysOf(store, { prefix: '/big/0000' })).toHaveLength(100);
    expect(await keysOf(store, { prefix: '/none/' })).toEqual([]);
    expect(asked()).toEqual({ ranges: 2, streams: 0 });
  });

  test('is what loads of a mirror read with', async () => {
    const store = connect(proxy.endpoint);
    await using config = await mirror(store, { prefix: '/big/', codec: text() });
    expect(config.size).toBe(COUNT);
    expect(asked().streams).toBe(1);
  });

  test('is what a mirror reads everything again with, after a compaction of all that it missed', async () => {
    const prefix = '/again/';
    const count = 6_000;
    await fill(direct, count, 'old', prefix);
    const store = connect(wire.endpoint);
    await using config = await mirror(store, { prefix, codec: text() });
    const before = await streamsOf(etcd);
    wire.refuse();
    wire.cut();
    await fill(direct, count, 'new', prefix);
    await etcd.compact();
    await wire.allow();
    await eventually(() => {
      expect([...config].filter(([, { value }]) => value !== 'new')).toEqual([]);
    });
    expect(config.size).toBe(count);
    expect(await streamsOf(etcd)).toBeGreaterThan(before);
  });
});

describe('a stream that ends early', () => {
  test('by a cut: the scan goes on at its revision, where the stream was, and reads nothing twice', async () => {
    const prefix = '/cut/';
    const count = 12_000;
    await fill(direct, count, VALUE, prefix);
    const store = connect(wire.endpoint);
    await store.get('/x');
    // In the middle of a chunk.
    const armed = wire.cutAfter(4_000_000);
    const seen: string[] = [];
    const atCut = armed.happened.then(() => ({ seen: seen.length, bytes: wire.bytesToClient }));
    for await (const page of store.scan({ prefix })) {
      for (let i = 0; i < page.length; i += 1) {
        seen.push(page.key(i));
        expect(page.value(i)).toHaveLength(VALUE.length);
      }
      if (seen.length > 1_000) continue;
      // Nothing that the scan reads is there any more, and others are.
      await direct.delete({ prefix });
      for (const index of [2_000, 7_000, 11_000]) await direct.put(keyOf(index, prefix), 'later');
    }
    const { seen: had, bytes } = await atCut;
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => keyOf(i, prefix)));
    // What was on its way is lost with the connection. What the reader had is not read again.
    expect(wire.bytesToClient - bytes).toBeLessThan(1.15 * (count - had) * VALUE.length + 100_000);
    expect(wire.totalConnections).toBeGreaterThan(1);
    await direct.delete({ prefix });
  });

  test('by a compaction: it is a CompactedError with its revision, and never a short scan', async () => {
    const store = connect(wire.endpoint);
    await store.get('/x');
    const pages = store.scan({ prefix: '/big/' })[Symbol.asyncIterator]();
    await pages.next();
    // The server gets no further than what the network takes.
    wire.stall('toClient');
    const { revision } = await direct.put('/other', 'x');
    await direct.compact(revision);
    await wire.allow();
    const rest = async (): Promise<void> => {
      while ((await pages.next()).done !== true);
    };
    const error = await rest().catch((caught: unknown) => caught);
    expect(isStoreError(error, 'compacted') && error.compactRevision).toBe(revision);
  });

  test('because its reader leaves, aborts or closes the store: the server stops too', async () => {
    type Pages = AsyncIterator<Page>;
    const rest = async (pages: Pages): Promise<void> => {
      while ((await pages.next()).done !== true);
    };
    let stop = new AbortController();
    const ends: ((pages: Pages, store: ConfigStore) => Promise<unknown>)[] = [
      (pages) => pages.return!(),
      async (pages) => {
        const failed = rest(pages).catch((error: unknown) => error);
        stop.abort();
        expect(await failed).toMatchObject({ code: 'aborted' });
      },
      async (pages, store) => {
        await store.close();
        expect(await rest(pages).catch((error: unknown) => error)).toMatchObject({ code: 'closed' });
      },
    ];
    for (const end of ends) {
      stop = new AbortController();
      const store = connect(wire.endpoint);
      const pages = store.scan({ prefix: '/big/' }, { signal: stop.signal })[Symbol.asyncIterator]();
      await pages.next();
      // It can't have sent all by then, nor later.
      wire.stall('toClient');
      await eventually(async () => (await streamsAtServer()) === 1);
      await end(pages, store);
      await eventually(async () => (await streamsAtServer()) === 0);
      await wire.allow();
    }
  });
});

test('a user reads what the role allows by a stream too, also with a new token half-way', async () => {
  const guarded = await startEtcd({ version: newest.version, args: ['--bcrypt-cost=4'] });
  const front = await startAnsweringProxy(guarded.endpoints[0]!);
  open.push(front, guarded);
  const root = etcdV3Store({ endpoints: guarded.endpoints });
  await fill(root, 6_000);
  await root.close();
  await enableAuth(guarded, ['/big/']);
  const store = connect(front.endpoint, { auth: APP });
  expect(await keysOf(store, { prefix: '/big/' })).toEqual(KEYS.slice(0, 6_000));
  const streams = (): number => front.requests.filter((path) => path.endsWith('/RangeStream')).length;
  expect(streams()).toBe(1);
  // Tokens are forgotten with the server that gave them, and the connection is lost with it.
  const seen: string[] = [];
  let isFirst = true;
  for await (const page of store.scan({ prefix: '/big/' })) {
    for (let i = 0; i < page.length; i += 1) seen.push(page.key(i));
    if (!isFirst) continue;
    isFirst = false;
    await guarded.members[0]!.kill();
    await guarded.members[0]!.start();
  }
  expect(seen).toEqual(KEYS.slice(0, 6_000));
  await expect(keysOf(store, { prefix: '/other/' })).rejects.toMatchObject({ code: 'permission-denied' });
});

describe('what is in flight', () => {
  test('is bounded while its reader is busy: the server is held back', async () => {
    const prefix = '/wide/';
    await fill(direct, 5_000, 'w'.repeat(10_000), prefix, 100);
    const store = connect(wire.endpoint);
    await store.get('/x');
    const before = wire.bytesToClient;
    const pages = store.scan({ prefix })[Symbol.asyncIterator]();
    await pages.next();
    // On the same connection: calls go on beside a stream that waits.
    let last = -1;
    await eventually(async () => {
      await store.get('/x');
      const same = wire.bytesToClient - last < 10_000;
      last = wire.bytesToClient;
      return same;
    });
    // The first page is 10 MB; then come the flow-control window of 16 MiB and two chunks.
    expect(wire.bytesToClient - before).toBeLessThan(10_100_000 + 20 * MIB);
    let seen = 1_000;
    for (let next = await pages.next(); next.done !== true; next = await pages.next()) seen += next.value.length;
    expect(seen).toBe(5_000);
    await direct.delete({ prefix });
  });

  test('a chunk longer than maxResponseBytes is read in pages that fit', async () => {
    const store = connect(etcd.endpoints[0]!, { maxResponseBytes: 400_000 });
    expect(await keysOf(store, { prefix: '/big/00' })).toEqual(KEYS.slice(0, 10_000));
  });
});

describe('where there is no stream', () => {
  const PLACES: readonly (readonly [what: string, answer: Parameters<AnsweringProxy['answer']>[0]])[] = [
    ['a proxy that does not know the method', grpcAnswer([], { status: 12, message: 'no such route' })],
    ['a gateway with a page for it', { status: 404, headers: { 'content-type': 'text/html' }, body: '<html></html>' }],
    ['a proxy that lets it hang', () => 'hang'],
    ['an answer without a message', grpcAnswer([])],
  ];

  test.each(PLACES)('%s: scans read pages there, and ask no more', async (_what, answer) => {
    // One that hangs is given up after a while.
    const store = connect(proxy.endpoint, { clock: systemClock });
    await store.get('/x');
    proxy.answer(
      (request) =>
        request.path.endsWith('/RangeStream') ? (typeof answer === 'function' ? answer(request) : answer) : 'pass',
      { open: 'keep' },
    );
    asked();
    for (const streams of [1, 0]) {
      expect(await keysOf(store, { prefix: '/big/' })).toEqual(KEYS);
      expect(asked().streams).toBe(streams);
    }
    // Another connection may reach another server.
    proxy.pass();
    proxy.cut();
    await eventually(() => store.get('/x'));
    asked();
    expect(await keysOf(store, { prefix: '/big/' })).toEqual(KEYS);
    expect(asked().streams).toBe(1);
  });

  test("etcd's own grpc-proxy", async () => {
    const port = await reservePort();
    const child = spawn(
      newest.etcd,
      ['grpc-proxy', 'start', `--endpoints=${etcd.endpoints[0]!}`, `--listen-addr=127.0.0.1:${port.port}`],
      { stdio: 'ignore' },
    );
    const gone = new Promise((resolve) => child.once('exit', resolve));
    try {
      const store = connect(`http://127.0.0.1:${port.port}`);
      await eventually(() => store.get('/x'));
      expect(await keysOf(store, { prefix: '/big/' })).toEqual(KEYS);
    } finally {
      child.kill('SIGKILL');
      await gone;
      port.release();
    }
  });
});

test(`in a cluster of ${older.version} and ${newest.version}, a scan goes on at an old member, and at a new one`, async () => {
  const cluster = await startEtcd({ version: older.version, nodes: 3 });
  open.push(cluster);
  const count = 12_000;
  const first = etcdV3Store({ endpoints: cluster.endpoints });
  await fill(first, count);
  await first.close();
  const [upgraded, old] = cluster.members;
  await upgraded!.kill();
  cluster.useVersion(newest.version);
  await upgraded!.start();
  const keys = KEYS.slice(0, count);
  // From the new member to an old one, and the other way round.
  for (const [from, to, streams] of [
    [upgraded!, old!, [1, 1]],
    [old!, upgraded!, [1, 0]],
  ] as const) {
    const front = await startAnsweringProxy(from.endpoint);
    const way = await startProxy(front.endpoint);
    const behind = await startAnsweringProxy(to.endpoint);
    const next = await startProxy(behind.endpoint);
    const store = etcdV3Store({ endpoints: [way.endpoint, next.endpoint], random: () => 0, clock: slowClock });
    open.push(store, way, next, front, behind);
    // On a busy machine the first takes so long to connect that the second is tried as well.
    next.refuse();
    await eventually(() => store.get('/x'));
    await next.allow();
    way.cutAfter(3_000_000, { refuse: true });
    const seen: string[] = [];
    for await (const page of store.scan({ prefix: '/big/' })) {
      for (let i = 0; i < page.length; i += 1) seen.push(page.key(i));
    }
    expect(seen).toEqual(keys);
    // A scan that has begun with pages goes on with pages. The next one streams where it can.
    const asked = (at: AnsweringProxy): number => at.requests.filter((path) => path.endsWith('/RangeStream')).length;
    expect([front, behind].map(asked)).toEqual(streams);
    expect(await keysOf(store, { prefix: '/big/' })).toEqual(keys);
    expect(asked(behind)).toBe(1);
  }
});

const KEYS = Array.from({ length: COUNT }, (_, i) => keyOf(i));

function keyOf(index: number, prefix = '/big/'): string {
  return `${prefix}${String(index).padStart(6, '0')}`;
}

/** How many streams of ranges the server was asked for so far. */
async function streamsOf({ members: [member] }: Etcd): Promise<number> {
  return member!.metric('grpc_server_started_total', { grpc_method: 'RangeStream' });
}

async function fill(store: ConfigStore, count: number, value = VALUE, prefix = '/big/', batch = 128): Promise<void> {
  for (let from = 0; from < count; from += batch) {
    const keys = Array.from({ length: Math.min(batch, count - from) }, (_, i) => keyOf(from + i, prefix));
    // A cluster may elect another leader meanwhile, on a busy machine.
    await eventually(() => store.txn({ then: keys.map((key) => ({ type: 'put', key, value })) }));
  }
}

async function keysOf(store: ConfigStore, range: { readonly prefix: string }): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of store.scan(range)) for (let i = 0; i < page.length; i += 1) keys.push(page.key(i));
  return keys;
}

async function entriesOf(
  store: ConfigStore,
  range: { readonly prefix: string },
  options: { readonly revision: number; readonly keysOnly: boolean },
): Promise<string[]> {
  const entries: string[] = [];
  for await (const page of store.scan(range, options)) {
    for (let i = 0; i < page.length; i += 1) {
      const createRevision = page.createRevision(i);
      const numbers = numbersOf({ createRevision, modRevision: page.modRevision(i), version: page.version(i) });
      entries.push([page.key(i), page.value(i).length, numbers].join());
    }
  }
  return entries;
}

type Numbers = Pick<KeyValue, 'createRevision' | 'modRevision'> & { readonly version?: number | undefined };

function numbersOf({ createRevision, modRevision, version }: Numbers): string {
  return [createRevision, modRevision, version].join();
}
