import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { isStoreError, toRevision, type ConfigStore } from '@holdfast/store';
import {
  availableEtcds,
  eventually,
  grpcAnswer,
  startAnsweringProxy,
  startEtcd,
  type AnsweringProxy,
  type Etcd,
} from '@holdfast/testkit';
import { build, drop, edit, rearrange, set } from '../../../checks/hostile/src/protobuf.js';

const { version } = availableEtcds().at(-1)!;

type Lie = (message: Buffer) => Buffer;

let etcd: Etcd;
let proxy: AnsweringProxy;

beforeAll(async () => {
  etcd = await startEtcd({ version });
  proxy = await startAnsweringProxy(etcd.endpoints[0]!);
  for (const key of ['mine', 'a/1', 'a/2', 'a/3', 'b', 'zzz']) await etcd.put(key, `${key}!`);
});
afterEach(() => {
  proxy.pass();
});
afterAll(async () => {
  await proxy.close();
  await etcd.close();
});

const open = (attempts = 1): ConfigStore =>
  etcdV3Store({ endpoints: [proxy.endpoint], retry: { attempts, initialMs: 10, maxMs: 50 } });

/** Changes the server's answers to this method: as often as said, and those with entries only. */
function lie(method: string, change: Lie, times = Infinity): void {
  let left = times;
  proxy.rewrite((message, path) => {
    if (!path.endsWith(`/${method}`) || left === 0) return message;
    left -= 1;
    return change(message);
  });
}

// Field numbers of etcd's messages.
const HEADER = 1;
const [KVS, MORE, COUNT] = [2, 3, 4];
const [KEY, CREATE, MOD, VERSION, VALUE, LEASE] = [1, 2, 3, 4, 5, 6];
const REVISION = 3;

const HUGE = 2n ** 53n;
const NUMBERS = [0n, -1n, HUGE, 2n ** 63n - 1n];

/** What no etcd answers a list of `a/` with, which has three keys. */
const LIES: readonly (readonly [what: string, change: Lie])[] = [
  ['a key outside of the range', (m) => set(m, [KVS, KEY], Buffer.from('zzz'))],
  [
    'a last key outside of the range',
    (m) => rearrange(m, KVS, ([a, b, c]) => [a!, b!, set(c!, [KEY], Buffer.from('zzz'))]),
  ],
  [
    'a first key outside of the range',
    (m) => rearrange(m, KVS, ([a, b, c]) => [set(a!, [KEY], Buffer.from('a')), b!, c!]),
  ],
  ['keys in the wrong order', (m) => rearrange(m, KVS, (kvs) => kvs.toReversed())],
  ['a key twice', (m) => rearrange(m, KVS, ([a, b]) => [a!, b!, b!])],
  ['an entry without a key', (m) => drop(m, [KVS, KEY])],
  ['a count below its entries', (m) => set(m, [COUNT], 1n)],
  ['a negative count', (m) => set(m, [COUNT], -1n)],
  ['a count above its entries', (m) => set(m, [COUNT], 2n ** 42n)],
  ['more of what is all there is', (m) => set(m, [MORE], 1n)],
  ['more, and a count that fits', (m) => set(set(m, [MORE], 1n), [COUNT], 9n)],
  ['entries left out', (m) => rearrange(m, KVS, ([a]) => [a!])],
  ['no header', (m) => drop(m, [HEADER])],
  ['a header without a cluster', (m) => drop(m, [HEADER, 1])],
  ...NUMBERS.flatMap((number): [string, Lie][] => [
    [`revision ${number} in its header`, (m) => set(m, [HEADER, REVISION], number)],
    [`create revision ${number}`, (m) => set(m, [KVS, CREATE], number)],
    [`mod revision ${number}`, (m) => set(m, [KVS, MOD], number)],
    [`version ${number}`, (m) => set(m, [KVS, VERSION], number)],
  ]),
  ['an entry newer than the store', (m) => set(m, [KVS, MOD], 1_000_000n)],
  ['values that are numbers', (m) => set(m, [KVS, VALUE], 7n)],
  ['a lease that is text', (m) => set(m, [KVS, LEASE], Buffer.from('7'))],
  ['a lease of -5', (m) => set(m, [KVS, LEASE], -5n)],
  ['nothing at all', () => Buffer.alloc(0)],
  ['half of a message', (m) => m.subarray(0, m.length - 3)],
  ['a number without an end', (m) => Buffer.concat([m, Buffer.alloc(12, 0xff)])],
  ['fields of a wire type that there is not', (m) => Buffer.concat([m, Buffer.of(0x0b, 0x0e)])],
  ['an entry that is a number', (m) => Buffer.concat([m, Buffer.of(0x10, 7)]).subarray(1)],
];

describe.each(LIES)('an answer with %s', (what, change) => {
  test('is internal, and no list, scan or transaction', async () => {
    await using store = open();
    await store.get('mine');
    lie('Range', change);
    await expectBad(() => store.list({ prefix: 'a/' }));
    // Pages tell no leases.
    if (!/lease/.test(what)) await expectBad(() => pagesOf(store));
    lie('Txn', (m) => edit(m, [3, 1], (range) => change(range as Buffer)));
    // A header of a part, or none, means nothing: the transaction's own counts.
    if (!/header|nothing/.test(what)) {
      await expectBad(() => store.txn({ then: [{ type: 'list', range: { prefix: 'a/' } }] }));
    }
  });

  test('is tried again, and passes', async () => {
    await using store = open(3);
    lie('Range', change, 1);
    expect((await store.list({ prefix: 'a/' })).items.map(({ key }) => key)).toEqual(['a/1', 'a/2', 'a/3']);
  });
});

describe('reads', () => {
  test("get('mine') never returns another key's value", async () => {
    await using store = open();
    lie('Range', (m) => set(m, [KVS, KEY], Buffer.from('other')));
    await expectBad(() => store.get('mine'));
    lie('Txn', (m) => edit(m, [3, 1], (range) => set(range as Buffer, [KVS, KEY], Buffer.from('other'))));
    await expectBad(() => store.txn({ then: [{ type: 'get', key: 'mine' }] }));
  });

  test('a limit, a past revision, a filter and an order are kept to', async () => {
    await using store = open();
    const { bookmark } = await store.list('b');
    const again = (m: Buffer): Buffer => rearrange(m, KVS, ([a]) => [a!, set(a!, [KEY], Buffer.from('a/9'))]);
    lie('Range', again);
    await expectBad(() => store.list({ prefix: 'a/' }, { limit: 1 }));
    lie('Range', (m) => set(m, [HEADER, REVISION], 2n));
    await expectBad(() => store.list({ prefix: 'a/' }, { revision: bookmark.revision }));
    lie('Range', (m) => set(m, [KVS, MOD], 2n));
    await expectBad(() => store.list({ prefix: 'a/' }, { minModRevision: toRevision(4) }));
    lie('Range', (m) => rearrange(m, KVS, (kvs) => kvs.toReversed()));
    for (const target of ['key', 'modRevision', 'createRevision', 'value'] as const) {
      await expectBad(() => store.list({ prefix: 'a/' }, { sort: { target, order: 'descend' } }));
    }
    lie('Range', (m) => rearrange(m, KVS, ([a, b]) => [a!, b!, b!]));
    await expectBad(() => store.list({ prefix: 'a/' }, { sort: { target: 'version', order: 'ascend' } }));
    lie('Range', (m) => set(m, [KVS], build([[KEY, Buffer.from('a/1')]])));
    await expectBad(() => store.list({ prefix: 'a/' }, { countOnly: true }));
  });

  test.each([
    ['an empty last page', (m: Buffer) => drop(drop(drop(m, [KVS]), [COUNT]), [MORE])],
    ['pages that add up to more', (m: Buffer) => set(m, [COUNT], 5_000n)],
    ['a page from before the first', (m: Buffer) => set(m, [HEADER, REVISION], 5n)],
    ['a page with newer entries', (m: Buffer) => set(m, [KVS, MOD], 1_000_000n)],
  ])('a scan with %s does not end as if that were all', async (_what, change) => {
    const direct = etcdV3Store({ endpoints: [...etcd.endpoints] });
    for (let i = 0; i < 1_200; i += 100) {
      const puts = Array.from({ length: 100 }, (_, j) => ({ type: 'put', key: `s/${i + j}`, value: 'x' }) as const);
      await direct.txn({ then: puts });
    }
    await direct.close();
    await using store = open();
    // Pages are lied about, so that none may come as a stream.
    const absent = grpcAnswer([], { status: 12, message: 'unknown method RangeStream for service etcdserverpb.KV' });
    proxy.answer(({ path }) => (path.endsWith('/RangeStream') ? absent : 'pass'), { open: 'keep' });
    let pages = 0;
    lie('Range', (m) => (++pages === 1 ? m : change(m)));
    let seen = 0;
    await expectBad(async () => {
      for await (const page of store.scan({ prefix: 's/' })) seen += page.length;
    });
    expect(seen).toBe(1_000);
  });
});

describe('writes', () => {
  const codeOf = async (call: () => Promise<unknown>): Promise<unknown> =>
    call().catch((error: unknown) => isStoreError(error) && [error.code, error.outcome]);
  const UNKNOWN = ['internal', 'unknown'];

  test.each<[string, Lie]>([
    ['nothing at all', () => Buffer.alloc(0)],
    ['no header', (m) => drop(m, [HEADER])],
    ...NUMBERS.map((number): [string, Lie] => [
      `revision ${number} in its header`,
      (m) => set(m, [HEADER, REVISION], number),
    ]),
    ['half of a message', (m) => m.subarray(0, m.length - 1)],
  ])('whose answer has %s may have been applied', async (_what, change) => {
    await using store = open(3);
    await store.get('mine');
    lie('Put', change);
    expect(await codeOf(() => store.put('w', '1'))).toEqual(UNKNOWN);
    lie('DeleteRange', change);
    expect(await codeOf(() => store.delete('w'))).toEqual(UNKNOWN);
    lie('Txn', change);
    expect(await codeOf(() => store.txn({ then: [{ type: 'put', key: 'w', value: '2' }] }))).toEqual(UNKNOWN);
    expect(await codeOf(() => store.put('w', '3', { ifPresent: true }))).toEqual(UNKNOWN);
    lie('LeaseGrant', change);
    if (!_what.startsWith('revision')) expect(await codeOf(() => store.leases.grant(60))).toEqual(UNKNOWN);
  });

  test('answers of another call are not taken', async () => {
    await using store = open();
    await store.put('w', '1');
    lie('Put', (m) => set(m, [2, KEY], Buffer.from('other')));
    expect(await codeOf(() => store.put('w', '2', { previous: true }))).toEqual(UNKNOWN);
    lie('DeleteRange', (m) => set(m, [3, KEY], Buffer.from('other')));
    expect(await codeOf(() => store.delete('w', { previous: true }))).toEqual(UNKNOWN);
    for (const deleted of [-1n, 2n]) {
      lie('DeleteRange', (m) => set(m, [2], deleted));
      expect(await codeOf(() => store.delete('w'))).toEqual(UNKNOWN);
    }
    await store.put('w', '1');
    lie('DeleteRange', (m) => set(m, [2], 3n));
    expect(await codeOf(() => store.delete({ prefix: 'w' }, { previous: true }))).toEqual(UNKNOWN);
  });

  test('results of a transaction are those of its operations', async () => {
    await using store = open();
    const txn = {
      then: [
        { type: 'put', key: 'w', value: '2' },
        { type: 'get', key: 'w' },
      ],
    } as const;
    for (const change of [
      (m: Buffer) => rearrange(m, 3, (responses) => responses.toReversed()),
      (m: Buffer) => rearrange(m, 3, ([first]) => [first!]),
      (m: Buffer) => rearrange(m, 3, ([first, second]) => [first!, second!, second!]),
      (m: Buffer) => rearrange(m, 3, ([first]) => [first!, Buffer.alloc(0)]),
      (m: Buffer) => drop(m, [2]),
    ]) {
      lie('Txn', change);
      expect(await codeOf(() => store.txn(txn))).toEqual(UNKNOWN);
    }
  });

  test('leases are those that were asked for', async () => {
    await using store = open();
    const { id } = await store.leases.grant(600, { id: '77' });
    for (const change of [
      (m: Buffer) => set(m, [2], 78n),
      (m: Buffer) => set(m, [2], 0n),
      (m: Buffer) => set(m, [2], -4n),
      (m: Buffer) => set(m, [3], 0n),
      (m: Buffer) => set(m, [3], -1n),
    ]) {
      lie('LeaseGrant', change);
      const other = String(Math.floor(Math.random() * 1e9) + 100);
      expect(await codeOf(() => store.leases.grant(60, { id: other }))).toEqual(UNKNOWN);
    }
    lie('LeaseGrant', (m) => set(m, [2], 0n));
    expect(await codeOf(() => store.leases.grant(60))).toEqual(UNKNOWN);
    lie('LeaseKeepAlive', (m) => set(m, [2], 78n));
    await expectBad(() => store.leases.keepAlive(id));
    lie('LeaseKeepAlive', () => Buffer.of(0xff, 0xff));
    await expectBad(() => store.leases.keepAlive(id));
    lie('LeaseTimeToLive', (m) => set(m, [2], 78n));
    await expectBad(() => store.leases.timeToLive(id));
    for (const bad of [-7n, 0n]) {
      lie('LeaseLeases', (m) => set(m, [2, 1], bad));
      await expectBad(() => store.leases.list());
    }
    proxy.pass();
    await store.leases.revoke(id);
  });

  test('a time to live is one that etcd can mean, and only its own words mean that a lease is gone', async () => {
    await using store = open();
    const { id } = await store.leases.grant(600);
    for (const ttl of [-1n, -600n]) {
      lie('LeaseKeepAlive', (m) => set(m, [3], ttl));
      await expectBad(() => store.leases.keepAlive(id));
    }
    for (const change of [
      (m: Buffer) => set(m, [3], -2n),
      (m: Buffer) => set(m, [4], -1n),
      (m: Buffer) => set(m, [4], 0n),
    ]) {
      lie('LeaseTimeToLive', change);
      await expectBad(() => store.leases.timeToLive(id));
    }
    proxy.pass();
    expect(await store.leases.keepAlive(id)).toEqual({ id, ttl: 600 });
    await store.leases.revoke(id);
    await expect(store.leases.keepAlive(id)).rejects.toMatchObject({ code: 'lease-not-found' });
    await expect(store.leases.timeToLive(id)).rejects.toMatchObject({ code: 'lease-not-found' });
  });

  test.each<
    [method: string, field: string, change: Lie, call: (store: ConfigStore, lease: string) => Promise<unknown>]
  >([
    ['Put', 'header', (m) => drop(m, [HEADER]), (store, lease) => store.put('w', '1', { lease })],
    ['Put', 'cluster', (m) => drop(m, [HEADER, 1]), (store) => store.put('w', '1', { ttl: 60 })],
    ['LeaseGrant', 'header', (m) => drop(m, [HEADER]), (store) => store.put('w', '1', { ttl: 60 })],
    ['LeaseGrant', 'lease', (m) => set(m, [2], 0n), (store) => store.put('w', '1', { ttl: 60 })],
    ['LeaseRevoke', 'header', (m) => drop(m, [HEADER]), (store, lease) => store.leases.revoke(lease)],
    ['LeaseKeepAlive', 'header', (m) => drop(m, [HEADER]), (store, lease) => store.leases.keepAlive(lease)],
    ['LeaseTimeToLive', 'header', (m) => drop(m, [HEADER]), (store, lease) => store.leases.timeToLive(lease)],
    ['LeaseLeases', 'header', (m) => drop(m, [HEADER]), (store) => store.leases.list()],
    ['Status', 'header', (m) => drop(m, [HEADER]), (store) => store.status()],
    ['Status', 'size of a database', (m) => set(m, [3], -1n), (store) => store.status()],
    ['MemberList', 'header', (m) => drop(m, [HEADER]), (store) => store.status()],
  ])('an answer to %s without a %s that can be is internal', async (method, _field, change, call) => {
    await using store = open();
    const { id } = await store.leases.grant(60);
    lie(method, change);
    await expectBad(() => call(store, id));
  });
});

describe('whatever an answer holds', () => {
  // The server does as it is told, whatever becomes of its answer.
  let compacted = 1;

  test.each<[string, Buffer]>([
    ['random bytes', Buffer.from('9f8c0aff00e1d2c3b4a5968778695a4b3c2d1e0f', 'hex')],
    ['a varint that overflows', Buffer.alloc(32, 0xff)],
    ['a length past its end', Buffer.of(0x0a, 0xff, 0xff, 0xff, 0x7f)],
    [
      'bad UTF-8',
      build([
        [1, Buffer.of(0xff, 0xfe)],
        [2, Buffer.of(0xc3, 0x28)],
        [6, Buffer.of(0xff)],
      ]),
    ],
    ['groups', Buffer.of(0x0b, 0x0b, 0x0b, 0x0c)],
    ['a transaction in itself, 20,000 deep', nested(20_000)],
  ])('every call settles once: %s', async (_what, bytes) => {
    await using store = open(1);
    await store.get('mine');
    const { id } = await store.leases.grant(60);
    proxy.rewrite((message, path) => (path.includes('MemberList') ? message : bytes));
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    process.on('uncaughtException', note);
    const calls: Promise<unknown>[] = [
      store.get('mine'),
      store.list({ prefix: 'a/' }),
      store.scan({ prefix: 'a/' })[Symbol.asyncIterator]().next(),
      store.put('w', '1'),
      store.delete('w'),
      store.txn({ then: [{ type: 'get', key: 'mine' }] }),
      store.txn({ then: [{ type: 'txn', txn: { then: [{ type: 'put', key: 'w', value: '' }] } }] }),
      store.status(),
      store.leases.grant(60),
      store.leases.keepAlive(id),
      store.leases.timeToLive(id),
      store.leases.list(),
      store.compact((compacted += 1)),
    ];
    const watch = store.watch('mine');
    for (const settled of await Promise.allSettled(calls)) {
      expect(settled).toMatchObject({ status: 'rejected', reason: { code: 'internal', retryable: true } });
    }
    await eventually(() => watch.state.status === 'interrupted');
    proxy.pass();
    await eventually(() => watch.state.status === 'live');
    process.off('unhandledRejection', note);
    process.off('uncaughtException', note);
    expect(unhandled).toEqual([]);
  });
});

describe('a mirror', () => {
  test('of `a/` never shows what is not there, and loads as soon as the answers are right', async () => {
    await using store = open();
    await store.get('mine');
    let lies = 0;
    lie('Range', (m) => {
      lies += 1;
      return set(m, [KVS, KEY], Buffer.from('zzz'));
    });
    const starting = mirror(store, { prefix: 'a/', codec: text(), backoff: { initialMs: 10, maxMs: 50 } });
    await eventually(() => lies > 3);
    proxy.pass();
    await using config = await starting;
    expect([...config.keys()]).toEqual(['1', '2', '3']);
  });
});

function nested(depth: number): Buffer {
  let message: Buffer = Buffer.alloc(0);
  // ResponseOp.response_txn is 4, TxnResponse.responses 3: built from the inside, without a copy of all at each step.
  const parts: Buffer[] = [];
  let length = 0;
  for (let i = 0; i < depth; i++) {
    for (const field of [4, 3]) {
      const head = build([[field, Buffer.alloc(0)]]).subarray(0, 1);
      const size = varintOf(length);
      parts.push(Buffer.concat([head, size]));
      length += 1 + size.length;
    }
  }
  message = Buffer.concat(parts.reverse());
  return message;
}

function varintOf(value: number): Buffer {
  return build([[1, BigInt(value)]]).subarray(1);
}

/** Reads all pages, and everything of them. */
async function pagesOf(store: ConfigStore): Promise<void> {
  for await (const page of store.scan({ prefix: 'a/' })) {
    for (let i = 0; i < page.length; i++)
      void [page.key(i), page.modRevision(i), page.createRevision(i), page.version(i)];
  }
}

async function expectBad(call: () => Promise<unknown>): Promise<void> {
  let result: unknown;
  try {
    result = await call();
  } catch (error) {
    expect(error).toMatchObject({ code: 'internal', retryable: true });
    return;
  }
  throw new Error(`the answer was taken: ${JSON.stringify(result)}`);
}
