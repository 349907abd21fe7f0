import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { etcdV3Store, type EtcdV3Options } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import {
  availableEtcds,
  eventually,
  grpcFrame,
  startAnsweringProxy,
  startEtcd,
  type AnsweringProxy,
  type Etcd,
} from '@holdfast/testkit';
import { drop, edit, parse, set } from '../../../checks/hostile/src/protobuf.js';

const { version } = availableEtcds().at(-1)!;

let etcd: Etcd;
let proxy: AnsweringProxy;

beforeAll(async () => {
  etcd = await startEtcd({ version });
  proxy = await startAnsweringProxy(etcd.endpoints[0]!);
});
afterEach(() => {
  proxy.pass();
});
afterAll(async () => {
  await proxy.close();
  await etcd.close();
});

const open = (options: Partial<EtcdV3Options> = {}): ConfigStore =>
  etcdV3Store({ endpoints: [proxy.endpoint], retry: { attempts: 2, initialMs: 10, maxMs: 50 }, ...options });

// Field numbers of WatchResponse, Event and KeyValue.
const [HEADER, WATCH_ID, FRAGMENT, EVENTS] = [1, 2, 7, 11];
const KV = 2;
const [KEY, CREATE, MOD, VERSION, VALUE, LEASE] = [1, 2, 3, 4, 5, 6];
const REVISION = 3;

const headOf = (message: Buffer): bigint => {
  const header = parse(message).find(([field]) => field === HEADER)?.[1] as Buffer;
  return parse(header).find(([field]) => field === REVISION)?.[1] as bigint;
};
const hasEvents = (message: Buffer) => parse(message).some(([field]) => field === EVENTS);

/** Changes what watches are sent, so often, and until it is `enough`. Gives how often it did. */
function lie(
  change: (message: Buffer) => Buffer | Buffer[],
  wants: (message: Buffer) => boolean,
  times = 3,
  enough = () => true,
) {
  const told = { times: 0 };
  proxy.rewrite((message, path) => {
    if (!path.endsWith('/Watch') || !wants(message) || (told.times >= times && enough())) return message;
    told.times += 1;
    return change(message);
  });
  return told;
}

const NUMBERS = [0n, -1n, 2n ** 53n, 2n ** 63n - 1n];

const LIES: readonly (readonly [what: string, change: (message: Buffer) => Buffer | Buffer[]])[] = [
  ...NUMBERS.flatMap((number): [string, (m: Buffer) => Buffer][] => [
    [`an event of revision ${number}`, (m) => set(m, [EVENTS, KV, MOD], number)],
    [`an event of create revision ${number}`, (m) => set(m, [EVENTS, KV, CREATE], number)],
    [`an event of version ${number}`, (m) => set(m, [EVENTS, KV, VERSION], number)],
  ]),
  ['an event newer than its response', (m) => set(m, [EVENTS, KV, MOD], headOf(m) + 1_000n)],
  ['an event of a key outside of the range', (m) => set(m, [EVENTS, KV, KEY], Buffer.from('zzz'))],
  ['an event of a key before the range', (m) => set(m, [EVENTS, KV, KEY], Buffer.from('a'))],
  ['an event without a key', (m) => drop(m, [EVENTS, KV, KEY])],
  ['an event without an entry', (m) => drop(m, [EVENTS, KV])],
  ['an event of a type that there is not', (m) => set(m, [EVENTS, 1], 7n)],
  // Passed over like a field of a newer server's, it would leave a response without events: progress past what it holds back.
  ['an event that is a number', (m) => edit(m, [EVENTS], () => 7n)],
  ['an event whose value is a number', (m) => set(m, [EVENTS, KV, VALUE], 7n)],
  ['an event whose lease is text', (m) => set(m, [EVENTS, KV, LEASE], Buffer.from('7'))],
  ['a header that is a number', (m) => set(m, [HEADER], 7n)],
  ['an event of a watch that there is not', (m) => set(m, [WATCH_ID], 4_711n)],
  ['nothing in place of an event', () => Buffer.alloc(0)],
  ['a negative lease', (m) => set(m, [EVENTS, KV, LEASE], -9n)],
  ['half of a response', (m) => m.subarray(0, m.length - 3)],
  ['random bytes', () => Buffer.from('9f8c0aff00e1d2c3b4a5968778695a4b', 'hex')],
  ['a number without an end', (m) => Buffer.concat([m, Buffer.alloc(12, 0xff)])],
];

describe('a live mirror and a watch', () => {
  test.each(LIES)('show nothing of it, are interrupted, and go on: %s', async (_what, change) => {
    await using store = open();
    await etcd.put('a/x', '1');
    await using config = await mirror(store, { prefix: 'a/', codec: text(), backoff: { initialMs: 10, maxMs: 50 } });
    const keys = [...config.keys()];
    const watch = store.watch({ prefix: 'a/' });
    const told: string[] = [];
    const reading = (async () => {
      for await (const { events } of watch) {
        for (const event of events)
          told.push(event.type === 'put' ? `${event.current.key}=${text().decode(event.current.value)}` : event.type);
      }
    })();
    reading.catch(() => undefined);
    await watch.ready;
    const states: string[] = [];
    watch.onState(({ status }) => states.push(status));
    // The mirror alone may meet the first three: its watch comes back in a few milliseconds.
    const lies = lie(change, hasEvents, 3, () => states.includes('interrupted'));
    await etcd.put('a/x', '2');
    await eventually(() => config.get('x')?.value === '2' && config.state.status === 'live');
    await eventually(() => told.includes('a/x=2') && watch.state.status === 'live');
    expect(lies.times).toBeGreaterThan(0);
    expect(states).toContain('interrupted');
    expect(told).toEqual(['a/x=2']);
    expect([...config.keys()]).toEqual(keys);
  });

  test.each(NUMBERS)('live through headers of revision %d', async (number) => {
    await using store = open();
    await etcd.put('a/x', '1');
    await using config = await mirror(store, { prefix: 'a/', codec: text(), backoff: { initialMs: 10, maxMs: 50 } });
    proxy.rewrite((message, path) => (/Watch$|Range$/.test(path) ? set(message, [HEADER, REVISION], number) : message));
    const watch = store.watch({ prefix: 'a/' });
    // A new connection meets them from its first answer on.
    proxy.cut();
    await etcd.put('a/x', '2');
    await eventually(() => watch.state.status === 'interrupted');
    expect(config.state.status).not.toBe('closed');
    proxy.pass();
    await eventually(() => watch.state.status === 'live');
    await eventually(() => config.get('x')?.value === '2' && config.state.status === 'live');
  });

  test('start as soon as headers are right', async () => {
    await using store = open();
    await etcd.put('a/x', '1');
    let lies = 0;
    proxy.rewrite((message, path) => {
      if (!path.endsWith('/Range')) return message;
      lies += 1;
      return set(message, [HEADER, REVISION], 0n);
    });
    const starting = mirror(store, { prefix: 'a/', codec: text(), backoff: { initialMs: 10, maxMs: 50 } });
    await eventually(() => lies > 4);
    proxy.pass();
    await using config = await starting;
    expect(config.get('x')?.value).toBe('1');
  });

  test('are interrupted, and fill no log, where watches are confirmed that nobody has asked for', async () => {
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    await using store = open({ logger: { debug: () => undefined, info: log, warn: log, error: log } });
    const watch = store.watch({ prefix: 'c/' });
    await watch.ready;
    const states: string[] = [];
    watch.onState(({ status }) => states.push(status));
    const flood = lie(
      (m) => [
        m,
        ...Array.from({ length: 1_000 }, (_, id) => set(set(drop(m, [EVENTS]), [2], BigInt(id + 9)), [3], 1n)),
      ],
      hasEvents,
      1,
    );
    await etcd.put('c/1', 'x');
    await eventually(() => flood.times === 1 && states.includes('interrupted') && watch.state.status === 'live');
    expect(lines.length).toBeLessThan(20);
    await watch.close();
  });

  test('miss no event that comes out of order', async () => {
    await using store = open();
    await using config = await mirror(store, { prefix: 'o/', codec: text(), backoff: { initialMs: 10, maxMs: 50 } });
    // Two events come as a response each, the second one first.
    const held: Buffer[] = [];
    let created = false;
    let swapped = false;
    proxy.cut();
    proxy.rewrite((message, path) => {
      if (!path.endsWith('/Watch') || swapped) return message;
      created = true;
      if (!hasEvents(message)) return message;
      held.push(Buffer.from(message));
      swapped = held.length === 2;
      return swapped ? held.toReversed() : [];
    });
    await eventually(() => created);
    await etcd.put('o/1', 'a');
    await eventually(() => held.length === 1);
    await etcd.put('o/2', 'b');
    await eventually(() => swapped && config.size === 2 && config.state.status === 'live');
    expect([...config.keys()]).toEqual(['1', '2']);
  });
});

describe('maxResponseBytes', () => {
  test('bounds fragments of which none is the last, and no watch stays live meanwhile', async () => {
    await using store = open({ maxResponseBytes: 16_000 });
    await etcd.put('f', '1');
    const watch = store.watch('f');
    await watch.ready;
    const causes: string[] = [];
    watch.onState((state) => state.status === 'interrupted' && causes.push(state.cause.code));
    lie((m) => Array.from({ length: 300 }, () => set(m, [FRAGMENT], 1n)), hasEvents, 2);
    await etcd.put('f', '2');
    for await (const { events } of watch) {
      expect(events.map((event) => event.type === 'put' && text().decode(event.current.value))).toEqual(['2']);
      break;
    }
    expect(causes).toContain('too-large');
  });

  test('does not hold for what is not about keys: members, status and tokens are short', async () => {
    await using store = open();
    const lease = await store.leases.grant(60);
    // Two hundred thousand empty members take as many objects.
    const padding = Buffer.from('1200'.repeat(200_000), 'hex');
    proxy.rewrite((message, path) =>
      /MemberList$|Status$|LeaseGrant$|LeaseKeepAlive$/.test(path) ? Buffer.concat([message, padding]) : message,
    );
    const calls = [() => store.status(), () => store.leases.grant(60), () => store.leases.keepAlive(lease.id)];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({
        // A new connection is asked for its members, too.
        code: expect.stringMatching(/^(internal|unavailable)$/),
        retryable: true,
        message: expect.stringContaining('bytes in answer to'),
      });
    }
  });

  const large = 'x'.repeat(100_000);

  test('bounds an answer: a list is too-large, a scan reads shorter pages', async () => {
    const direct = etcdV3Store({ endpoints: [...etcd.endpoints] });
    for (let i = 0; i < 30; i++) await direct.put(`large/${i}`, large);
    await direct.close();
    await using store = open({ maxResponseBytes: 1_000_000 });
    await expect(store.list({ prefix: 'large/' })).rejects.toMatchObject({
      code: 'too-large',
      message: expect.stringContaining('maxResponseBytes'),
    });
    let seen = 0;
    for await (const page of store.scan({ prefix: 'large/' })) seen += page.length;
    expect(seen).toBe(30);
    await using config = await mirror(store, { prefix: 'large/', codec: text(), livenessMs: 500 });
    expect(config.size).toBe(30);
    // A value that no page can hold: the mirror does not end, and says why it is behind.
    await etcd.put('large/31', 'x'.repeat(1_200_000));
    await eventually(() => config.state.status === 'stale');
    await etcd.put('large/31', 'small');
    await eventually(() => config.state.status === 'live' && config.get('31')?.value === 'small');
  });

  test('is 1 GiB by default: a message that says it is longer is refused at its first bytes', async () => {
    await using store = open();
    await store.get('a');
    const head = Buffer.alloc(5);
    head.writeUInt32BE(2 ** 30 + 1, 1);
    const answer = { status: 200, headers: { 'content-type': 'application/grpc' }, body: head, open: true };
    proxy.answer(({ path }) => (path.endsWith('/Range') ? answer : 'pass'), { open: 'keep' });
    await expect(store.get('a')).rejects.toMatchObject({ code: 'too-large' });
  });

  test('bounds what a compressed message comes to', async () => {
    await using store = open({ maxResponseBytes: 1_000_000 });
    await store.get('a');
    const frame = grpcFrame(gzipSync(Buffer.alloc(50_000_000)));
    frame[0] = 1;
    const headers = { 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' };
    proxy.answer(({ path }) => (path.endsWith('/Range') ? { status: 200, headers, body: frame, open: true } : 'pass'), {
      open: 'keep',
    });
    await expect(store.get('a')).rejects.toMatchObject({ code: 'too-large' });
  });

  test('a count of 2^42 sizes nothing', async () => {
    await using store = open();
    proxy.rewrite((message, path) => (path.endsWith('/Range') ? set(set(message, [4], 2n ** 42n), [3], 1n) : message));
    await expect(store.list({ prefix: 'a/' }, { limit: 1 })).resolves.toMatchObject({ count: 2 ** 42 });
    await expect(
      (async () => {
        for await (const page of store.scan({ prefix: 'a/' })) void page;
      })(),
    ).rejects.toMatchObject({ code: 'internal' });
  });

  test.each([0, 1.5, -1, 2 ** 31, NaN])("can't be %d", (maxResponseBytes) => {
    expect(() => open({ maxResponseBytes })).toThrow(/maxResponseBytes/);
  });
});
