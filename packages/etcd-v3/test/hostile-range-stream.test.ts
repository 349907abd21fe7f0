// A server whose streams of a range lie. Whatever it says, a scan that ends has every key of its revision once.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { isStoreError, type ConfigStore } from '@holdfast/store';
import { availableEtcds, startAnsweringProxy, startEtcd, type AnsweringProxy, type Etcd } from '@holdfast/testkit';
import { slowClock } from '../../etcd-common/test/support/slow-clock.js';
import { build, drop, edit, parse, rearrange, set } from '../../../checks/hostile/src/protobuf.js';

const COUNT = 6_000;
const KEYS = Array.from({ length: COUNT }, (_, i) => `/s/${String(i).padStart(5, '0')}`);

// Field numbers of etcd's messages: a RangeStreamResponse has a RangeResponse.
const CHUNK = 1;
const [HEADER, KVS, MORE, COUNTED] = [1, 2, 3, 4];
const [CLUSTER, REVISION, TERM] = [1, 3, 4];
const [KEY, MOD] = [1, 3];

let etcd: Etcd;
let proxy: AnsweringProxy;

beforeAll(async () => {
  etcd = await startEtcd({ version: availableEtcds().at(-1)!.version });
  proxy = await startAnsweringProxy(etcd.endpoints[0]!);
  await using store = etcdV3Store({ endpoints: etcd.endpoints });
  for (let from = 0; from < COUNT; from += 120) {
    await store.txn({ then: KEYS.slice(from, from + 120).map((key) => ({ type: 'put', key, value: key })) });
  }
  // A key beside the range, for those who look there.
  await store.put('/t', 'x');
});
afterEach(() => {
  proxy.pass();
});
afterAll(async () => {
  await proxy.close();
  await etcd.close();
});

/** What becomes of the n-th chunk, from 0, of a stream. `isLast`: it has the header. */
type Lie = (chunk: Buffer, index: number, isLast: boolean) => Buffer | readonly Buffer[];

function lie(change: Lie): void {
  let index = 0;
  proxy.rewrite((message, path) => {
    if (!path.endsWith('/RangeStream')) return message;
    const isLast = parse(parse(message)[0]![1] as Buffer).some(([field]) => field === HEADER);
    return change(message, index++, isLast);
  });
}

const inside = (change: (answer: Buffer) => Buffer): ((chunk: Buffer) => Buffer) => {
  return (chunk) => edit(chunk, [CHUNK], (answer) => change(answer as Buffer));
};
/** Only this chunk. */
const at = (place: number, change: (chunk: Buffer) => Buffer | readonly Buffer[]): Lie => {
  return (chunk, index) => (index === place ? change(chunk) : chunk);
};
const last = (change: (answer: Buffer) => Buffer): Lie => {
  return (chunk, _index, isLast) => (isLast ? inside(change)(chunk) : chunk);
};
const entries = (change: (kvs: Buffer[]) => readonly Buffer[]) => inside((answer) => rearrange(answer, KVS, change));
const EMPTY = build([[CHUNK, Buffer.alloc(0)]]);

/** The chunks do not show what is wrong before it is told, or show it at once: pages are read from there. */
const MENDED: readonly (readonly [what: string, change: Lie])[] = [
  [
    'an entry twice',
    at(
      3,
      entries(([first, ...rest]) => [first!, first!, ...rest]),
    ),
  ],
  [
    'entries out of order',
    at(
      3,
      entries((kvs) => kvs.toReversed()),
    ),
  ],
  ['a chunk twice', at(3, (chunk) => [chunk, chunk])],
  ['the chunk before again', at(4, (chunk) => [chunk, chunk])],
  [
    'a key before the range',
    at(
      0,
      inside((m) => set(m, [KVS, KEY], Buffer.from('/r'))),
    ),
  ],
  [
    'a key after the range',
    at(
      5,
      entries((kvs) => [...kvs.slice(0, -1), set(kvs.at(-1)!, [KEY], Buffer.from('/t'))]),
    ),
  ],
  [
    'an entry without a key',
    at(
      2,
      entries(([first, ...rest]) => [drop(first!, [KEY]), ...rest]),
    ),
  ],
  [
    'newer entries',
    at(
      2,
      inside((m) => set(m, [KVS, MOD], 1_000_000n)),
    ),
  ],
  [
    'entries without a revision',
    at(
      2,
      inside((m) => drop(m, [KVS, MOD])),
    ),
  ],
  [
    'more entries than its count',
    last((m) => rearrange(m, KVS, (kvs) => [...kvs, set(kvs.at(-1)!, [KEY], Buffer.from('/s/zzz'))])),
  ],
  ['random bytes', at(3, () => Buffer.from('9f8c0aff00e1d2c3b4a5968778695a4b', 'hex'))],
  ['two answers in one chunk', at(3, (chunk) => Buffer.concat([chunk, chunk]))],
  ['nothing in a chunk', at(3, () => Buffer.alloc(0))],
  ['nothing but empty chunks', at(0, () => Array.from({ length: 5_000 }, () => EMPTY))],
  ['its first chunks only', (chunk, index) => (index < 4 ? chunk : [])],
  ['no last chunk', (chunk, _index, isLast) => (isLast ? [] : chunk)],
  ['no header', last((m) => drop(m, [HEADER]))],
  ['a header that names no cluster', last((m) => drop(m, [HEADER, CLUSTER]))],
  ['a header without a revision', last((m) => drop(m, [HEADER, REVISION]))],
  ['a header from before its revision', last((m) => set(m, [HEADER, REVISION], 5n))],
  ['more to come', last((m) => set(m, [MORE], 1n))],
  ['a smaller count', last((m) => set(m, [COUNTED], 17n))],
  ['a larger count', last((m) => set(m, [COUNTED], 100_000n))],
  ['no count', last((m) => drop(m, [COUNTED]))],
  ['more after its last chunk', (chunk, _index, isLast) => (isLast ? [chunk, EMPTY, chunk] : chunk)],
];

/** What was handed out by then can't be taken back. */
const ENDED: readonly (readonly [what: string, change: Lie, code: string])[] = [
  ['a chunk left out', at(4, () => []), 'internal'],
  [
    'an entry left out',
    at(
      4,
      entries((kvs) => kvs.slice(1)),
    ),
    'internal',
  ],
  ['another cluster', last((m) => set(m, [HEADER, CLUSTER], 99n)), 'unavailable'],
  ['an older raft term', last((m) => set(m, [HEADER, TERM], 1n)), 'history-changed'],
];

describe('a stream that has', () => {
  test.each(MENDED)('%s: the scan is right all the same, and the next one too', async (_what, change) => {
    await using store = open();
    lie(change);
    expect(await keysOf(store)).toEqual(KEYS);
    expect(await keysOf(store)).toEqual(KEYS);
  });

  test.each(ENDED)('%s: the scan fails before it ends, and the next one is right', async (_what, change, code) => {
    await using store = open();
    lie(change);
    const seen: string[] = [];
    const failed = await keysOf(store, seen).catch((error: unknown) => error);
    expect(isStoreError(failed) && failed.code).toBe(code);
    expect(seen).toEqual([...new Set(seen)].sort());
    expect(seen.length).toBeLessThan(COUNT);
    proxy.pass();
    expect(await keysOf(store)).toEqual(KEYS);
  });

  test('no end: the scan takes as many entries as there are, and ends', async () => {
    await using store = open();
    const entry = (key: string): Buffer =>
      build([
        [KEY, Buffer.from(key)],
        [2, 2n],
        [MOD, 2n],
        [4, 1n],
      ]);
    const chunk = (key: string): Buffer => build([[CHUNK, build([[KVS, entry(key)]])]]);
    // As long as anybody takes them.
    lie((given, _index, isLast) =>
      isLast ? [given, ...Array.from({ length: 20_000 }, (_, i) => chunk(`/s/x${10_000 + i}`))] : given,
    );
    expect(await keysOf(store)).toEqual(KEYS);
  });
});

test('the parts of an answer may come in any chunk', async () => {
  await using store = open();
  const header = Buffer.from(await headerOf(store));
  // The header first, the count and an empty chunk at the end: merged, it is the same answer.
  lie((chunk, index, isLast) => {
    if (index === 0) return [build([[CHUNK, build([[HEADER, header]])]]), chunk];
    if (!isLast) return chunk;
    const counted = parse(parse(chunk)[0]![1] as Buffer).find(([field]) => field === COUNTED)!;
    return [inside((m) => drop(drop(m, [HEADER]), [COUNTED]))(chunk), build([[CHUNK, build([counted])]])];
  });
  proxyRequests = proxy.requests.length;
  expect(await keysOf(store)).toEqual(KEYS);
  // No page was needed but the first.
  expect(proxy.requests.slice(proxyRequests).filter((path) => path.endsWith('/Range'))).toHaveLength(1);
});

let proxyRequests = 0;

/** The header that the server sends at the end of a stream. */
async function headerOf(store: ConfigStore): Promise<Uint8Array> {
  let header: Uint8Array = new Uint8Array();
  lie((chunk, _index, isLast) => {
    if (isLast) header = parse(parse(chunk)[0]![1] as Buffer).find(([field]) => field === HEADER)![1] as Buffer;
    return chunk;
  });
  await keysOf(store);
  return header;
}

/** A store that gives no stream up because it is late: it is to be given up for what it tells. */
const open = (): ConfigStore =>
  etcdV3Store({ endpoints: [proxy.endpoint], retry: { attempts: 2, initialMs: 10, maxMs: 50 }, clock: slowClock });

async function keysOf(store: ConfigStore, keys: string[] = []): Promise<string[]> {
  let bookmark: unknown;
  for await (const page of store.scan({ prefix: '/s/' })) {
    bookmark ??= page.bookmark;
    expect(page.bookmark).toEqual(bookmark);
    expect(page.total).toBe(COUNT);
    for (let i = 0; i < page.length; i += 1) keys.push(page.key(i));
  }
  return keys;
}
