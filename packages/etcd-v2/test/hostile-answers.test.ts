import { afterEach, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { toRevision, type ConfigStore, type StoreError } from '@holdfast/store';
import { eventually, virtualClock } from '@holdfast/testkit';
import { etcdV2Store, type EtcdV2Options, type EtcdV2Store } from '@holdfast/etcd-v2';
import { etcdHeaders, etcdSays, HostileServer, notFound, type Asked, type Reply } from './support/hostile-server.js';
import { whileTimePasses } from '../../etcd-common/test/support/while-time-passes.js';
import { follow } from './support/world.js';

const owned: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of owned.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

async function start(reply: (asked: Asked) => Reply): Promise<HostileServer> {
  const server = await HostileServer.start(reply);
  owned.push(server);
  return server;
}

function open(endpoints: string[], options: Partial<EtcdV2Options> = {}): EtcdV2Store {
  const retry = { attempts: 2, initialMs: 1, maxMs: 5 };
  const store = etcdV2Store({ endpoints, keepalive: false, retry, random: () => 0, ...options });
  owned.push(store);
  return store;
}

const failure = (call: Promise<unknown>): Promise<StoreError> =>
  call.then(
    (value) => {
      throw new Error(`succeeded with ${String(JSON.stringify(value)).slice(0, 200)}`);
    },
    (error: unknown) => error as StoreError,
  );

async function drain(store: ConfigStore): Promise<number> {
  let count = 0;
  for await (const page of store.scan({ prefix: '/a/' })) count += page.length;
  return count;
}

const html = (status: number): Reply => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<h1>No\u001b\u009b</h1>',
});
const file = (key: string, more: object = {}) => ({ key, value: '1', modifiedIndex: 4, createdIndex: 4, ...more });
const got = (node: unknown) => etcdSays({ action: 'get', node });
const directory = (...nodes: unknown[]) => got({ key: '/a', dir: true, modifiedIndex: 3, createdIndex: 3, nodes });
const withoutHeader = (name: string): Reply => {
  const { [name]: _, ...headers } = etcdHeaders();
  return { status: 200, headers, body: JSON.stringify({ action: 'get', node: file('/a/x') }) };
};

const nested = '['.repeat(100_000) + ']'.repeat(100_000);

/** What no etcd says, in any place. */
const NO_ETCD: readonly (readonly [string, Reply])[] = [
  ...[400, 401, 403, 404, 405, 408, 409, 410, 412, 418, 429, 500, 502, 503, 504].map(
    (status) => [`HTML with ${status}`, html(status)] as const,
  ),
  ['HTML with 200', html(200)],
  ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }],
  ['204', { status: 204 }],
  ["206 with etcd's headers", { status: 206, headers: etcdHeaders(), body: '{"action":"get","node":{"dir":true}}' }],
  ['{"error":"no route"} with 404', { status: 404, body: '{"error":"no route"}' }],
  ['404 page not found', { status: 404, body: '404 page not found\n' }],
  ['{"message":"Forbidden"} with 403', { status: 403, body: '{"message":"Forbidden"}' }],
  [
    "errorCode 100 without etcd's headers",
    { status: 404, body: '{"errorCode":100,"message":"Key not found","cause":"/a","index":5}' },
  ],
  ['errorCode 100 cut off', { status: 404, headers: etcdHeaders(), body: '{"errorCode":100,"message":"Key' }],
  ['errorCode 100 with 200', etcdSays({ errorCode: 100, message: 'Key not found', cause: '/a', index: 5 })],
  [
    'an errorCode that is a string',
    etcdSays('{"errorCode":"100","message":"Key not found","cause":"/a","index":5}', 5, 404),
  ],
  ['a message that is an object', etcdSays('{"errorCode":100,"message":{},"cause":"/a","index":5}', 5, 404)],
  [
    'an index that is negative',
    etcdSays('{"errorCode":100,"message":"Key not found","cause":"/a","index":-1}', 5, 404),
  ],
  [
    'errorCode 100 without an index',
    etcdSays('{"errorCode":100,"message":"Key not found","cause":"/a","index":5}', '', 404),
  ],
  ['errorCode 100 of another key', notFound('/zzz')],
  ...['', ' ', '{', '{}', '5', 'null', '"x"', '[]', '{"message":"internal error"}', '{"action":"get"}'].map(
    (body) => [`the body ${JSON.stringify(body)}`, etcdSays(body)] as const,
  ),
  ...[{}, null, 5, 'x', []].map((node) => [`the node ${JSON.stringify(node)}`, got(node)] as const),
  // `JSON.parse` takes any depth. `JSON.stringify`, as for a message, does not.
  ['an action nested 100,000 deep', etcdSays(`{"action":${nested},"node":{}}`)],
  ['a node nested 100,000 deep', etcdSays(`{"action":"get","node":${nested}}`)],
  ['a truncated body', { status: 200, headers: etcdHeaders(), body: '{"action":"get","node":', truncated: true }],
];

/** Answers to `GET /v2/keys/a/` and `GET /v2/keys/a/x` that etcd would not give. */
const TO_LISTS: readonly (readonly [string, Reply])[] = [
  ['another action', etcdSays({ action: 'set', node: { key: '/a', dir: true } })],
  ['another directory', got({ key: '/b', dir: true, modifiedIndex: 3, createdIndex: 3 })],
  ['no directory of that name', got({ dir: true })],
  ['an entry outside of it', directory(file('/zzz'))],
  ['an entry of a directory with the same beginning', directory(file('/ab'))],
  ['an entry too deep', directory(file('/a/b/c'))],
  ['an entry twice', directory(file('/a/x'), file('/a/y'), file('/a/x'))],
  ['nodes that are no list', got({ key: '/a', dir: true, nodes: { x: file('/a/x') } })],
  ['a node that is none', directory(5)],
  ['a directory that is not true or false', directory({ key: '/a/x', dir: 'true' })],
  ['an entry without a key', directory({ value: '1', modifiedIndex: 4, createdIndex: 4 })],
  ['an entry without a value', directory({ key: '/a/x', modifiedIndex: 4, createdIndex: 4 })],
];
const STRANGE_FILES: readonly (readonly [string, object])[] = [
  ['a value that is an object', { value: { x: 1 } }],
  ['a value that is a number', { value: 1 }],
  ['a value that is null', { value: null }],
  ['an expiration that is no time', { expiration: 'soon' }],
  ...[undefined, null, 0, -1, 1.5, 1e300, 2 ** 53, '4', {}].flatMap((index) => [
    [`modifiedIndex ${String(index)}`, { modifiedIndex: index }] as const,
    [`createdIndex ${String(index)}`, { createdIndex: index }] as const,
  ]),
  ['an index past the head', { modifiedIndex: 6 }],
  ['a creation after the last change', { createdIndex: 5 }],
];
const STRANGE_HEADERS: readonly (readonly [string, Reply])[] = [
  ['no cluster id', withoutHeader('x-etcd-cluster-id')],
  ['no index', withoutHeader('x-etcd-index')],
  ...['0', '-1', 'x', '1e300', '9007199254740992', '5, 6'].map(
    (index) => [`the index ${index}`, etcdSays({ action: 'get', node: file('/a/x') }, index)] as const,
  ),
  [
    'a cluster id that is none',
    { status: 200, headers: { ...etcdHeaders(), 'x-etcd-cluster-id': '<html>' }, body: '' },
  ],
];

/** A server with one key, whose first poll is answered as told, and the next ones with what follows the index that they ask for. */
async function polled(reply: Reply, options: Partial<EtcdV2Options> = {}) {
  let polls = 0;
  const event = (index: number) =>
    etcdSays(
      { action: 'set', node: file('/a/x', { value: String(index), modifiedIndex: index, createdIndex: 4 }) },
      index,
    );
  const server = await start(({ path }) => {
    if (!path.includes('wait=true')) return notFound('/a/_', 5);
    polls += 1;
    if (polls === 1) return reply;
    return path.includes('waitIndex=6') ? event(6) : { status: 200, headers: etcdHeaders(6), headOnly: true };
  });
  const store = open([server.endpoint], options);
  const after = { revision: toRevision(5), identity: 'abc' };
  return follow(store, { prefix: '/a/' }, { after });
}

describe('a read that is answered with', () => {
  const toGets: readonly (readonly [string, Reply])[] = [
    ['another key', got(file('/a/y'))],
    ...['modifiedIndex', 'createdIndex'].map((name) => {
      const body = `{"action":"get","node":{"key":"/a/x","value":"1","modifiedIndex":4,"createdIndex":4,"${name}":${nested}}}`;
      return [`a ${name} nested 100,000 deep`, etcdSays(body)] as const;
    }),
    ...STRANGE_FILES.map(([name, more]) => [name, got(file('/a/x', more))] as const),
    ...STRANGE_HEADERS,
  ];
  test.each([...NO_ETCD, ...toGets])('%s is no absence, but an outage: get', async (_name, reply) => {
    const server = await start(() => reply);
    const error = await failure(open([server.endpoint]).get('/a/x'));
    expect(['unavailable', 'internal']).toContain(error.code);
    expect(error).toMatchObject({ retryable: true, endpoint: server.endpoint });
    expect(error.outcome).toBeUndefined();
    expect(error.message).toContain(server.endpoint);
    expect(error.message).not.toMatch(/\p{Cc}/u);
    // It was tried again, as after any failure of a server.
    expect(server.asked.filter(({ path }) => path.startsWith('/v2/keys/a/x')).length).toBeGreaterThan(1);
  });

  const strangeLists = STRANGE_FILES.map(([name, more]) => [name, directory(file('/a/x', more))] as const);
  test.each([...NO_ETCD, ...TO_LISTS, ...strangeLists])(
    '%s is no empty directory, but an outage: list and scan',
    async (_name, reply) => {
      const server = await start(() => reply);
      const store = open([server.endpoint]);
      for (const call of [() => store.list({ prefix: '/a/' }), () => drain(store)]) {
        const error = await failure(call());
        expect(['unavailable', 'internal']).toContain(error.code);
        expect(error).toMatchObject({ retryable: true, endpoint: server.endpoint });
      }
    },
  );

  test.each([404, 405, 502])('a page with %i says so, and where', async (status) => {
    const server = await start(() => html(status));
    const error = await failure(open([server.endpoint]).get('/a/x'));
    expect(error.code).toBe('unavailable');
    expect(error.message).toContain(`HTTP ${status}`);
    expect(error.message).toContain('<h1>No');
  });

  test('a page that repeats what it was sent makes no secret public', async () => {
    const server = await start(({ headers }) => ({ status: 400, body: `<html>${JSON.stringify(headers)}` }));
    const auth = { username: 'me', password: 'secret' };
    const store = open([server.endpoint], { auth, headers: { 'x-token': 'token-of-mine' } });
    const watch = store.watch({ prefix: '/a/' });
    watch.ready.catch(() => undefined);
    await eventually(() => watch.state.status === 'interrupted');
    const told = [await failure(store.get('/a/x')), await failure(store.put('/a/x', '1')), watch.state];
    for (const each of told) expect(inspect(each, { depth: 10 })).not.toMatch(/token-of-mine|bWU6c2/);
    expect(inspect(told)).toContain('(redacted)');
  });

  test('a page is asked for elsewhere', async () => {
    const proxy = await start(() => html(404));
    const etcd = await start(() => got(file('/a/x')));
    const store = open([proxy.endpoint, etcd.endpoint]);
    expect(await store.get('/a/x')).toMatchObject({ key: '/a/x', modRevision: 4 });
    const reads = () => proxy.asked.filter(({ path }) => path.startsWith('/v2/keys/a/x'));
    expect(reads()).toHaveLength(1);
    // And it is not asked again at once.
    await store.get('/a/x');
    expect(reads()).toHaveLength(1);
  });

  test("what is etcd's own: an entry, a directory, and that there is none", async () => {
    const server = await start(({ path }) => {
      if (path.startsWith('/v2/keys/a/none')) return notFound('/a/none');
      if (path.startsWith('/v2/keys/a/x/y')) {
        return etcdSays({ errorCode: 104, message: 'Not a directory', cause: '/a/x', index: 5 }, 5, 400);
      }
      return path.startsWith('/v2/keys/a/?') ? directory(file('/a/x'), { key: '/a/d', dir: true }) : got(file('/a/x'));
    });
    const store = open([server.endpoint]);
    expect(await store.get('/a/x')).toMatchObject({ key: '/a/x', modRevision: 4 });
    expect(await store.get('/a/none')).toBeUndefined();
    expect(await store.get('/a/x/y')).toBeUndefined();
    expect((await store.list({ prefix: '/a/' })).items.map(({ key }) => key)).toEqual(['/a/x']);
  });
});

describe('a write that is answered with', () => {
  const written = (more: object) => etcdSays({ action: 'set', ...more });
  const toWrites: readonly (readonly [string, Reply])[] = [
    ['an action that is no write', etcdSays({ action: 'get' })],
    ['another key', written({ node: file('/b') })],
    ['another key before', written({ node: file('/a/x'), prevNode: file('/b') })],
    ['an entry before without an index', written({ node: file('/a/x'), prevNode: file('/a/x', { modifiedIndex: 0 }) })],
    [
      'a refusal of another key that no write knows',
      etcdSays('{"errorCode":100,"message":"Key not found","cause":"/zzz","index":5}', 5, 404),
    ],
    [
      'the refusal of a long poll',
      etcdSays('{"errorCode":401,"message":"outdated","cause":"the history has been cleared [3/2]","index":5}', 5, 400),
    ],
    ['an index of 2^53', written({ node: file('/a/x', { modifiedIndex: 2 ** 53 }) })],
    ...STRANGE_HEADERS,
  ];
  const refusals = NO_ETCD.filter(([name]) => name !== 'HTML with 429');
  test.each([...refusals, ...toWrites])('%s may have been applied: put and delete', async (_name, reply) => {
    const server = await start(({ method }) => (method === 'GET' ? notFound('/a/x') : reply));
    const store = open([server.endpoint]);
    for (const call of [() => store.put('/a/x', '1', { previous: true }), () => store.delete('/a/x')]) {
      const before = server.asked.filter(({ method }) => method !== 'GET').length;
      const error = await failure(call());
      expect(['unavailable', 'internal']).toContain(error.code);
      expect(error).toMatchObject({ retryable: true, outcome: 'unknown', endpoint: server.endpoint });
      // docs/traps.md#trap-9: it is not sent again.
      expect(server.asked.filter(({ method }) => method !== 'GET').length).toBe(before + 1);
    }
  });

  test("413 is too large, and certainly was not applied: a proxy's limit", async () => {
    const server = await start(({ method }) => (method === 'GET' ? notFound('/a/x') : html(413)));
    const error = await failure(open([server.endpoint]).put('/a/x', '1'));
    expect(error).toMatchObject({ code: 'too-large', outcome: 'not-applied', retryable: false });
  });
});

describe('what the other APIs answer', () => {
  const calls: readonly (readonly [string, (store: EtcdV2Store) => Promise<unknown>])[] = [
    ['status', (store) => store.status()],
    ['members', (store) => store.members.list()],
    ['statistics', (store) => store.stats()],
    ['endpoints', (store) => store.refreshEndpoints()],
    ['a removal of a member', (store) => store.members.remove('abc')],
    ['a new member', (store) => store.members.add(['http://127.0.0.1:1'])],
    ['in-order entries', (store) => store.inOrder.list('/q')],
    ['an in-order entry', (store) => store.inOrder.create('/q', '1')],
    ['a directory', (store) => store.directories.list('/d')],
    ['a new directory', (store) => store.directories.create('/d')],
    ['a hidden node', (store) => store.hidden.get('/_h')],
    ['a refresh', (store) => store.refresh('/a', 10)],
  ];
  const bodies = ['', '{}', '5', 'null', '{"members":5}', '{"members":[{"id":"<x>"}]}', '{"message":"no"}'];
  const answers = [html(404), html(405), html(200), ...bodies.map((body) => etcdSays(body))];
  test.each(calls)('%s is no answer where a proxy gave it', async (_name, call) => {
    let reply: Reply = html(404);
    const server = await start(() => reply);
    const store = open([server.endpoint]);
    for (reply of answers) {
      const error = await failure(call(store));
      expect(['unavailable', 'internal']).toContain(error.code);
      expect(error.retryable).toBe(true);
    }
  });

  test('a page instead of /health is no healthy member', async () => {
    const server = await start(() => ({ status: 200, body: '<html>fine</html>' }));
    expect(await open([server.endpoint]).health()).toMatchObject([{ healthy: false }]);
  });
});

describe('a long poll that is answered with', () => {
  const put = (more: object, node: object = {}) =>
    etcdSays({ action: 'set', node: file('/a/x', { modifiedIndex: 6, ...node }), ...more }, 6);
  const lies: readonly (readonly [string, Reply])[] = [
    ...NO_ETCD.filter(([name]) => !name.startsWith('the body " "')),
    ['another action', put({ action: 'get' })],
    ['an action that there is not', put({ action: 'explode' })],
    ['another key', put({}, { key: '/zzz' })],
    ['another value before', put({ prevNode: file('/zzz') })],
    ['an index that was told already', put({}, { modifiedIndex: 5 })],
    ...STRANGE_FILES.filter(([name]) => !/past the head|after the last/.test(name)).map(
      ([name, more]) => [name, put({}, more)] as const,
    ),
    ['400 cut off', { status: 400, headers: etcdHeaders(), body: '{"errorCode":401,"mess' }],
    ['400 truncated', { status: 400, headers: etcdHeaders(), body: '{"errorCode":401,"mess', truncated: true }],
    ['errorCode 401 at index 0', etcdSays({ errorCode: 401, message: 'outdated', cause: '', index: 0 }, 0, 400)],
    [
      'errorCode 401 at 2^53',
      etcdSays({ errorCode: 401, message: 'outdated', cause: '[9007199254740992/6]', index: 5 }, 5, 400),
    ],
    ['errorCode 999', etcdSays({ errorCode: 999, message: '?', cause: '', index: 5 }, 5, 400)],
    ['errorCode 209', etcdSays({ errorCode: 209, message: 'Invalid field', cause: '', index: 0 }, 0, 400)],
  ];
  test.each<[string, Reply]>([
    ['nobody', { status: 200, headOnly: true }],
    ['a proxy', { status: 404, headers: { 'content-type': 'text/html' }, headOnly: true }],
  ])('the head of %s, and then nothing, is given up', async (_name, reply) => {
    const watch = await polled(reply, { keepalive: { intervalMs: 20, timeoutMs: 1_000 } });
    await watch.until(1);
    expect(watch.told).toEqual(['put /a/x=6']);
  });

  test('half of an event, and then nothing, is given up', async () => {
    const half: Reply = { status: 200, headers: etcdHeaders(6), body: '{"action":"set","node":{"k', headOnly: true };
    const watch = await polled(half, { keepalive: { intervalMs: 20, timeoutMs: 100 } });
    await watch.until(1);
    expect(watch.told).toEqual(['put /a/x=6']);
  });

  test.each(lies)('%s is ridden out: the watch polls again, and misses nothing', async (_name, reply) => {
    const watch = await polled(reply);
    await watch.until(1);
    expect(watch.told).toEqual(['put /a/x=6']);
    expect(watch.error).toBeUndefined();
    expect(watch.watch.state.status).toBe('live');
  });
});

describe('an answer that does not go on, while the server answers others', () => {
  test.each<[string, Reply]>([
    ['the head', { status: 200, headers: etcdHeaders(), headOnly: true }],
    ['half of the body', { status: 200, headers: etcdHeaders(), body: '{"action":"get","node":{"k', headOnly: true }],
  ])(
    '%s, and then nothing: the call is tried again, or fails, and waits for ever in no case',
    async (_name, stalled) => {
      let asked = 0;
      const answers = (stalls: number) =>
        start(({ path }) => {
          if (!path.startsWith('/v2/keys/a/x')) return etcdSays({ id: 'a', name: '', peerURLs: [] });
          asked += 1;
          return asked <= stalls ? stalled : got(file('/a/x'));
        });
      // The server, which is this process, answers a question within a few steps of the clock, however long they take.
      const [clock, stepMs] = [virtualClock(), 1_000];
      const keepalive = { intervalMs: stepMs, timeoutMs: 20 * stepMs };
      const timeouts = { connectMs: 20 * stepMs };
      const once = open([(await answers(1)).endpoint], { keepalive, timeouts, clock });
      expect(await whileTimePasses(clock, once.get('/a/x'), stepMs)).toMatchObject({ key: '/a/x' });
      asked = 0;
      const always = open([(await answers(Infinity)).endpoint], { keepalive, timeouts, clock });
      const put = failure(always.put('/a/x', '1'));
      expect(await whileTimePasses(clock, put, stepMs)).toMatchObject({ code: 'timeout', outcome: 'unknown' });
      const get = failure(always.get('/a/x'));
      expect(await whileTimePasses(clock, get, stepMs)).toMatchObject({ code: 'timeout', retryable: true });
    },
  );
});

describe('maxResponseBytes', () => {
  const endless: Reply = { status: 200, headers: etcdHeaders(), body: 'x'.repeat(65_536), endless: true };

  test.each<[string, (store: EtcdV2Store) => Promise<unknown>, string | undefined]>([
    ['get', (store) => store.get('/a/x'), undefined],
    ['list', (store) => store.list({ prefix: '/a/' }), undefined],
    ['scan', drain, undefined],
    ['put', (store) => store.put('/a/x', '1'), 'unknown'],
  ])('bounds what %s takes of an endless answer', async (_name, call, outcome) => {
    const server = await start(({ path, method }) =>
      method === 'PUT' || path.includes('quorum') ? endless : notFound('/a'),
    );
    const error = await failure(call(open([server.endpoint], { maxResponseBytes: 1_000_000 })));
    expect(error).toMatchObject({ code: 'too-large', endpoint: server.endpoint });
    expect(error.message).toContain('maxResponseBytes');
    expect(error.outcome).toBe(outcome);
    // What the sockets between hold, beside what was taken.
    expect(server.sent).toBeLessThan(20_000_000);
  });

  test.each<[string, Reply]>([
    ['answer', endless],
    ['page', { status: 404, body: 'x'.repeat(65_536), endless: true }],
  ])('bounds what a long poll takes of an endless %s, and the watch goes on', async (_name, reply) => {
    const watch = await polled(reply, { maxResponseBytes: 1_000_000 });
    await watch.until(1);
    expect(watch.told).toEqual(['put /a/x=6']);
    expect(watch.statuses).toContain('interrupted');
  });

  test('does not hold for what is not about keys: that is short, or not of etcd', async () => {
    const server = await start(({ method, path }) => {
      if (path.startsWith('/v2/keys')) return method === 'HEAD' ? etcdSays('') : notFound('/a');
      return { status: 200, headers: etcdHeaders(), body: `[${'{},'.repeat(100_000)}{}]` };
    });
    const store = open([server.endpoint]);
    for (const call of [() => store.status(), () => store.members.list(), () => store.stats()]) {
      const error = await failure(call());
      expect(error).toMatchObject({ code: 'unavailable', retryable: true });
      expect(error.message).toMatch(/longer than any of etcd's/);
    }
    const adding = await failure(store.members.add(['http://127.0.0.1:2380']));
    expect(adding).toMatchObject({ code: 'unavailable', outcome: 'unknown' });
  });

  test('is 256 MiB unless set', async () => {
    const server = await start(() => ({ ...endless, body: 'x'.repeat(4_194_304) }));
    const error = await failure(open([server.endpoint]).get('/a/x'));
    expect(error).toMatchObject({ code: 'too-large', retryable: false });
    expect(error.message).toContain(String(256 * 1_024 * 1_024));
  });

  test('is met by an answer of just that size', async () => {
    const body = JSON.stringify({ action: 'get', node: file('/a/x', { value: 'x'.repeat(10_000) }) });
    const server = await start(() => etcdSays(body));
    expect(await open([server.endpoint], { maxResponseBytes: body.length }).get('/a/x')).toMatchObject({ key: '/a/x' });
    const error = await failure(open([server.endpoint], { maxResponseBytes: body.length - 1 }).get('/a/x'));
    expect(error.code).toBe('too-large');
  });

  test.each([0, -1, 1.5, NaN, '1'])('%p is refused', (maxResponseBytes) => {
    expect(() => open(['http://127.0.0.1:1'], { maxResponseBytes: maxResponseBytes as number })).toThrow(
      /maxResponseBytes/,
    );
  });
});
