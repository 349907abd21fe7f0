import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { toRevision, type Clock, type ConfigStore } from '@holdfast/store';
import {
  availableEtcds,
  eventually,
  grpcAnswer,
  startAnsweringProxy,
  startEtcd,
  virtualClock,
  type AnsweringProxy,
  type Etcd,
  type ProxyAnswer,
} from '@holdfast/testkit';
import { failure } from '../../etcd-common/test/support/failure.js';
import { whileTimePasses } from '../../etcd-common/test/support/while-time-passes.js';

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

const connect = (silenceMs = 500, connectMs = 600, clock?: Clock): ConfigStore =>
  etcdV3Store({
    endpoints: [proxy.endpoint],
    timeouts: { connectMs },
    retry: { attempts: 2, initialMs: 10, maxMs: 50 },
    watch: { silenceMs },
    clock,
  });

const page = (status: number): ProxyAnswer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html><body>default backend</body></html>',
});

/** Answers that come from proxies, meshes and other servers. None of them is etcd's. */
const ANSWERS: readonly (readonly [name: string, answer: ProxyAnswer])[] = [
  ...[200, 401, 404, 405, 503].map((status) => [`a page with HTTP status ${status}`, page(status)] as const),
  [
    'JSON with HTTP status 404',
    { status: 404, headers: { 'content-type': 'application/json' }, body: '{"error":"no route"}' },
  ],
  ['HTTP status 404 without a body', { status: 404 }],
  ['HTTP status 200 and nothing else', { status: 200, headers: { 'content-type': 'application/grpc' } }],
  ...[2, 7, 12, 16].map((status) => {
    return [
      `gRPC status ${status} in words of its own`,
      grpcAnswer([], { status, message: 'denied by the mesh' }),
    ] as const;
  }),
  [
    'gRPC status 12 of a server that is no etcd',
    grpcAnswer([], { status: 12, message: 'unknown service etcdserverpb.KV' }),
  ],
  ['gRPC status 0 without a message', grpcAnswer([])],
];

const OVER_OPEN_CONNECTIONS = /status (?:200|404)$|status (?:7|12) in/;

describe('a proxy that answers by itself for a while', () => {
  /** Over connections that the proxy makes anew, and over those that are there. */
  const cases = [
    ...ANSWERS.map(([name, answer]) => [name, 'cut', answer] as const),
    ...ANSWERS.filter(([name]) => OVER_OPEN_CONNECTIONS.test(name)).map(
      ([name, answer]) => [name, 'end', answer] as const,
    ),
  ];

  test.each(cases)(
    'ends no mirror and no watch, and means no absence (trap 20): %s (%s)',
    async (_name, open, answer) => {
      await using store = connect();
      await etcd.put('/app/a', '1');
      const watch = store.watch({ prefix: '/app/' });
      const told: string[] = [];
      const reading = (async () => {
        for await (const { events } of watch) {
          for (const event of events) if (event.type === 'put') told.push(Buffer.from(event.current.value).toString());
        }
      })();
      reading.catch(() => undefined);
      await watch.ready;
      const config = await mirror(store, { prefix: '/app/', codec: text(), backoff: { initialMs: 10, maxMs: 50 } });
      expect(config.get('a')?.value).toBe('1');

      proxy.answer(answer, { open });
      // The watch, and calls of the mirror's, have had an answer.
      const before = proxy.answered;
      await eventually(() => proxy.answered >= before + 5 && watch.state.status === 'interrupted');
      const errors = [
        store.get('/app/a'),
        store.list({ prefix: '/app/' }),
        store.txn({ then: [{ type: 'get', key: '/app/a' }] }),
      ].map(failure);
      for (const error of await Promise.all(errors)) {
        expect(['unavailable', 'internal']).toContain(error.code);
        expect(error.retryable).toBe(true);
      }
      // A new connection has not shown which cluster it reaches, and carries no write.
      const outcome = open === 'cut' ? 'not-applied' : expect.stringMatching(/^(unknown|not-applied)$/);
      expect(await failure(store.put('/app/lost', 'x'))).toMatchObject({ outcome });
      expect(config.get('a')?.value).toBe('1');
      expect(config.state.status).not.toBe('closed');

      proxy.pass();
      await etcd.put('/app/a', '2');
      await eventually(() => config.get('a')?.value === '2' && config.state.status === 'live');
      await eventually(() => told.at(-1) === '2' && watch.state.status === 'live');
      await config.close();
    },
  );

  test('lets no mirror start meanwhile, which starts as soon as etcd answers', async () => {
    await using store = connect(500, 60_000);
    await store.put('/app/a', '3');
    proxy.answer(page(404));
    const starting = mirror(store, { prefix: '/app/', codec: text(), backoff: { initialMs: 10, maxMs: 50 } });
    const before = proxy.answered;
    await eventually(() => proxy.answered >= before + 5);
    proxy.pass();
    const config = await starting;
    expect(config.get('a')?.value).toBe('3');
    await config.close();
  });

  test('what is no gRPC is given up at once, though its end never comes (trap 20)', async () => {
    // Silence must not be what ends the stream here.
    const clock = virtualClock();
    await using store = connect(60_000, 1_500, clock);
    const endless: ProxyAnswer = { ...page(200), body: '{"error":', open: true };
    proxy.answer(endless);
    const reading = await whileTimePasses(clock, failure(store.get('/k')));
    expect(reading).toMatchObject({ code: 'unavailable', message: expect.stringContaining('text/html, not gRPC') });
    const watch = store.watch('/k', { after: { revision: toRevision(1), identity: '1' } });
    const interrupted = eventually(
      () => watch.state.status === 'interrupted' && /not gRPC/.test(watch.state.cause.message),
    );
    await whileTimePasses(clock, interrupted);
    await watch.close();
  });

  test.each([413, 414, 431])('a request that a proxy finds too large (%i) was not applied', async (status) => {
    await using store = connect(500, 60_000);
    proxy.answer(page(status));
    expect(await failure(store.put('/k', 'x'))).toMatchObject({ code: 'too-large', outcome: 'not-applied' });
  });

  test('a write that a rate limiter refuses was not applied, and is tried again', async () => {
    await using store = connect(500, 60_000);
    proxy.answer(page(429));
    expect(await failure(store.put('/k', 'x', { timeoutMs: 1_000 }))).toMatchObject({ outcome: 'not-applied' });
    const before = proxy.answered;
    const writing = store.put('/k', 'y');
    await eventually(() => proxy.answered >= before + 2);
    proxy.pass();
    expect(await writing).toMatchObject({ revision: expect.any(Number) });
  });

  test.each(['etcdserver: too many requests', 'Bandwidth exhausted'])(
    'a server that has too much to do (%s) is asked again later, over the same connection',
    async (message) => {
      const warnings: string[] = [];
      const logger = { debug() {}, info() {}, warn: (text: string) => warnings.push(text), error() {} };
      await using store = etcdV3Store({
        endpoints: [proxy.endpoint],
        retry: { attempts: 3, initialMs: 10, maxMs: 50 },
        logger,
      });
      await store.get('/k');
      const before = proxy.answered;
      const busy = grpcAnswer([], { status: 8, message });
      // Only calls: the store asks for its cluster when it wants to.
      proxy.answer(({ path }) => (path.endsWith('/Range') ? busy : 'pass'), { open: 'keep' });
      expect(await failure(store.get('/k'))).toMatchObject({ code: 'unavailable', retryable: true });
      expect(proxy.answered - before).toBe(3);
      expect(warnings).toEqual([]);
      proxy.pass();
      await store.get('/k');
    },
  );

  test("etcd's own refusals stay what they are", async () => {
    await using store = connect(500, 60_000);
    proxy.answer(grpcAnswer([], { status: 7, message: 'etcdserver: permission denied' }));
    expect(await failure(store.get('/k'))).toMatchObject({ code: 'permission-denied', retryable: false });
  });
});
