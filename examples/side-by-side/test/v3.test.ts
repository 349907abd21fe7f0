import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { observeLeader, openSession, transact, type Session } from '@holdfast/coordination';
import { json, mirror } from '@holdfast/core';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { withPrefix, type ConfigStore } from '@holdfast/store';
import { eventually, startEtcd, type Etcd } from '@holdfast/testkit';
import KeyvEtcd from '@keyv/etcd';
import { Etcd3, type Namespace } from 'etcd3';
import Keyv from 'keyv';
import { withBothLocks } from '../src/both-locks.js';

let etcd: Etcd;
let client: Etcd3;
let whole: ConfigStore;

/** The same keys, as each of the two has them. Each test has a prefix of its own. */
let theirs: Namespace;
let ours: ConfigStore;
let prefix = '';

beforeAll(async () => {
  etcd = await startEtcd();
  client = new Etcd3({ hosts: [...etcd.endpoints] });
  whole = etcdV3Store({ endpoints: etcd.endpoints });
});
afterAll(async () => {
  client.close();
  await whole.close();
  await etcd.close();
});
beforeEach(() => {
  prefix = `/shop-${Math.random().toString(36).slice(2)}/`;
  theirs = client.namespace(prefix);
  ours = withPrefix(whole, prefix);
});

const text = (entry: { readonly value: Uint8Array } | undefined) => entry && new TextDecoder().decode(entry.value);

test('a mirror shows what etcd3 writes, and a watcher of etcd3 what Holdfast writes', async () => {
  await theirs.put('routes/a').value('{"port":80}');
  await theirs.put('routes/n').value(7);
  const routes = await mirror(ours, { prefix: 'routes/', codec: json() });
  const watcher = await theirs.watch().prefix('routes/').create();
  const seen: string[] = [];
  watcher.on('put', ({ key, value }) => seen.push(`put ${key.toString()} ${value.toString()}`));
  watcher.on('delete', ({ key }) => seen.push(`delete ${key.toString()}`));

  expect(routes.get('a')?.value).toEqual({ port: 80 });
  expect(routes.get('n')?.value).toBe(7);
  await theirs.put('routes/b').value('{"port":81}');
  await routes.sync();
  expect(routes.get('b')?.value).toEqual({ port: 81 });

  await ours.put('routes/c', '{"port":82}');
  await ours.delete('routes/a');
  expect(await theirs.getAll().prefix('routes/').json()).toEqual({
    'routes/b': { port: 81 },
    'routes/c': { port: 82 },
    'routes/n': 7,
  });
  await eventually(() => {
    expect(seen).toEqual(['put routes/b {"port":81}', 'put routes/c {"port":82}', 'delete routes/a']);
  });
  await watcher.cancel();
  await routes.close();
});

test('a transaction of the one kind is one step for the other', async () => {
  const all = await mirror(ours, { prefix: '', codec: json() });
  const steps: string[] = [];
  all.on('change', ({ changes }) => steps.push(changes.map(({ key }) => key).join()));
  await theirs.if('a', 'Version', '==', 0).then(theirs.put('a').value('1'), theirs.put('b').value('2')).commit();
  await all.sync();
  expect(steps).toEqual(['a,b']);

  const batches: number[] = [];
  const watcher = await theirs.watch().prefix('').create();
  watcher.on('data', ({ events }) => batches.push(events.length));
  await ours.txn({ if: [], then: ['c', 'd', 'e'].map((key) => ({ type: 'put', key, value: '3' })) });
  await eventually(() => {
    expect(batches).toEqual([3]);
  });
  await watcher.cancel();
  await all.close();
});

test('guards see the writes of the other kind', async () => {
  await theirs.put('a').value('1');
  expect(await ours.put('a', '2', { ifAbsent: true })).toMatchObject({ succeeded: false, current: { key: 'a' } });
  const read = await ours.get('a');
  await theirs.put('a').value('3');
  expect(await ours.put('a', '2', { ifModRevision: read!.modRevision })).toMatchObject({ succeeded: false });
  const { succeeded } = await theirs.if('a', 'Mod', '==', read!.modRevision).then(theirs.put('a').value('4')).commit();
  expect(succeeded).toBe(false);
  expect(text(await ours.get('a'))).toBe('3');
});

test('transactions by function of both kinds lose no update', async () => {
  await ours.put('n', '0');
  const five = Array.from({ length: 5 });
  await Promise.all([
    ...five.map(() =>
      transact(
        ours,
        async (tx) => {
          tx.put('n', String(Number(text(await tx.get('n'))) + 1));
        },
        { attempts: 100 },
      ),
    ),
    ...five.map(() =>
      theirs.stm({ retries: 100 }).transact(async (tx) => {
        await tx.put('n').value(Number(await tx.get('n').string()) + 1);
      }),
    ),
  ]);
  expect(text(await ours.get('n'))).toBe('10');
});

test('a lease of either kind carries keys of the other', async () => {
  const session = await openSession(ours, { ttl: 60 });
  const lease = theirs.lease(60);
  await theirs.put('theirs').value('up').lease(session.lease);
  await ours.put('ours', 'up', { lease: await lease.grant() });
  expect((await ours.get('theirs'))?.lease).toBe(session.lease);
  const seen = await mirror(ours, { prefix: '' });
  expect([...seen.keys()].sort()).toEqual(['ours', 'theirs']);

  await session.close();
  await lease.revoke();
  await seen.sync();
  expect([...seen.keys()]).toEqual([]);
  await seen.close();
});

/** Runs `use` with a session, which is closed in any case. */
async function withSession<T>(use: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession(ours, { ttl: 60 });
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}

test('the locks of the two do not exclude each other', async () => {
  await withSession(async (session) => {
    const old = await theirs.lock('locks/import').acquire();
    const held = await session.lock('locks/import', { timeoutMs: 60_000 });
    expect(held.key).toMatch(/^locks\/import\/.+/);
    await held.release();
    await old.release();
  });
});

test('a process that takes both locks excludes both kinds', async () => {
  await withSession(async (session) => {
    const old = await theirs.lock('locks/import').acquire();
    const steps: string[] = [];
    const work = withBothLocks(theirs, session, 'locks/import', async () => {
      steps.push('both');
      await expect(theirs.lock('locks/import').acquire()).rejects.toThrow('Failed to acquire a lock');
      expect(await session.tryLock('locks/import')).toBeUndefined();
      return 'done';
    });
    await eventually(async () => {
      expect((await ours.list({ prefix: 'locks/import/' })).count).toBe(1);
    });
    steps.push('old gives it away');
    await old.release();
    expect(await work).toBe('done');
    expect(steps).toEqual(['old gives it away', 'both']);
    expect((await ours.list({ prefix: 'locks/' })).count).toBe(0);
  });
});

test('a wait for both locks ends with its signal or its time-out, with a StoreError, and leaves nothing behind', async () => {
  await withSession(async (session) => {
    const old = await theirs.lock('locks/import').acquire();
    const other = await theirs.lock('locks/export').acquire();
    const end = new AbortController();
    const work = withBothLocks(theirs, session, 'locks/import', () => 'never', { signal: end.signal });
    const ended = expect(work).rejects.toMatchObject({ name: 'StoreError', code: 'aborted' });
    const late = withBothLocks(theirs, session, 'locks/export', () => 'never', { timeoutMs: 300 });
    const endedLate = expect(late).rejects.toMatchObject({ name: 'StoreError', code: 'timeout' });
    await eventually(async () => {
      expect((await ours.list({ prefix: 'locks/import/' })).count).toBe(1);
    });
    end.abort();
    await ended;
    await endedLate;
    expect((await ours.list({ prefix: 'locks/' })).items.map(({ key }) => key)).toEqual([
      'locks/export',
      'locks/import',
    ]);
    await old.release();
    await other.release();
  });
});

test('the elections of the two do not see each other', async () => {
  await withSession(async (session) => {
    const campaign = theirs.election('leader', 10).campaign('old');
    await campaign.wait();
    const lead = await session.campaign('leader', 'new', { timeoutMs: 60_000 });
    expect(await theirs.election('leader').leader()).toBe('old');
    for await (const leader of observeLeader(ours, 'leader')) {
      expect(text(leader)).toBe('new');
      break;
    }
    await lead.resign();
    await campaign.resign();
  });
});

test('a candidate that campaigns in both elections leads when no old one does', async () => {
  await withSession(async (session) => {
    const old = theirs.election('leader', 10).campaign('old');
    await old.wait();
    const campaign = theirs.election('leader', 10).campaign('both');
    const leading = campaign.wait().then(() => session.campaign('leader', 'both', { timeoutMs: 60_000 }));
    await eventually(async () => {
      expect((await ours.list({ prefix: 'election/leader/' })).count).toBe(2);
    });
    expect((await ours.list({ prefix: 'leader/' })).count).toBe(0);
    await old.resign();
    const lead = await leading;
    expect(await theirs.election('leader').leader()).toBe('both');
    await lead.resign();
    await campaign.resign();
  });
});

test('Keyv keeps its own envelope under its namespace, which a mirror opens', async () => {
  const cache = new Keyv({ store: new KeyvEtcd(etcd.endpoints[0]), namespace: `${prefix}cache` });
  await cache.set('a', { port: 80 });
  expect(text(await ours.get('cache:a'))).toBe('{"value":{"port":80}}');

  const values = await mirror(ours, {
    prefix: 'cache:',
    codec: json<{ readonly value: unknown; readonly expires?: number }>(),
    transform: ({ value }) => value,
  });
  expect(values.get('a')?.value).toEqual({ port: 80 });
  await ours.put('cache:b', '{"value":{"port":81}}');
  expect(await cache.get('b')).toEqual({ port: 81 });
  await values.close();
  await cache.disconnect();
});

test('a value of Keyv whose time is over stays in the store until Keyv reads it', async () => {
  const cache = new Keyv({ store: new KeyvEtcd(etcd.endpoints[0]), namespace: `${prefix}cache` });
  const over = Date.now() - 1;
  await ours.put('cache:short', JSON.stringify({ value: 1, expires: over }));
  expect(await cache.has('short')).toBe(true);
  expect((await ours.get('cache:short'))?.lease).toBeUndefined();
  expect(await cache.get('short')).toBeUndefined();
  await eventually(async () => {
    expect(await ours.get('cache:short')).toBeUndefined();
  });
  await cache.disconnect();
});

test('clear() of Keyv takes namespaces that begin like its own with it', async () => {
  const cache = new Keyv({ store: new KeyvEtcd(etcd.endpoints[0]), namespace: `${prefix}cache` });
  await ours.put('cache2:a', '1');
  await cache.clear();
  expect(await ours.get('cache2:a')).toBeUndefined();
  await cache.disconnect();
});

test("one lease carries all keys that Keyv's adapter writes with a ttl: the last goes with the first", async () => {
  const adapter = new KeyvEtcd(etcd.endpoints[0], { ttl: 60_000 });
  await adapter.set(`${prefix}a`, '1');
  await adapter.set(`${prefix}b`, '2');
  const [a, b] = (await ours.list({ prefix: '' })).items;
  expect(a?.lease).toBeDefined();
  expect(b?.lease).toBe(a?.lease);
  await adapter.disconnect();
});

test('what lua-resty-etcd writes through the gateway is what a mirror reads', async () => {
  const base64 = (part: string) => Buffer.from(part).toString('base64');
  // set('routes/a', { port = 80 }) with its serializer `json`, and set('routes/t', 'text').
  await etcd.api('kv/put', { key: base64(`${prefix}routes/a`), value: base64('{"port":80}') });
  await etcd.api('kv/put', { key: base64(`${prefix}routes/t`), value: base64('"text"') });
  const routes = await mirror(ours, { prefix: 'routes/', codec: json() });
  expect(routes.get('a')?.value).toEqual({ port: 80 });
  expect(routes.get('t')?.value).toBe('text');
  await ours.put('routes/b', '{"port":81}');
  const { kvs } = await etcd.api<{ readonly kvs: readonly { readonly value: string }[] }>('kv/range', {
    key: base64(`${prefix}routes/b`),
  });
  expect(Buffer.from(kvs[0]!.value, 'base64').toString()).toBe('{"port":81}');
  await routes.close();
});
