// Passwords, keys and the values of headers are in nothing that a store shows: no error, log line, state or status.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { isStoreError, openStore, readOnly, withPrefix } from '@holdfast/store';
import { findEtcd, certificateAuthority, eventually, startEtcd, startProxy, type Etcd } from '@holdfast/testkit';
import { etcdV2, etcdV2Store, type EtcdTlsOptions, type EtcdV2Options, type EtcdV2Store } from '@holdfast/etcd-v2';
import { follow, Following } from './support/world.js';

const PASSWORD = 'secret-1';
const WRONG = 'wr0ng-pass';
const HEADER = 'Bearer-s3cret';
const basic = (password: string, user = 'app') => Buffer.from(`${user}:${password}`).toString('base64');

describe.each([findEtcd({})])('secrets of a store on etcd $version', ({ version }) => {
  const authority = certificateAuthority();
  const client = authority.issue('client');
  const stranger = certificateAuthority().issue('stranger');
  const open: { close(): Promise<void> }[] = [];
  let etcd: Etcd;
  let secured: Etcd;
  let lines = 0;
  let shown = '';

  beforeAll(async () => {
    [etcd, secured] = await Promise.all([
      startEtcd({ version, enableV2: true }),
      startEtcd({ version, enableV2: true, tls: { ...authority.issue('etcd'), clientCa: authority.cert } }),
    ]);
    const admin = async (path: string, body?: unknown): Promise<void> => {
      const response = await fetch(`${etcd.endpoints[0]!}/v2/auth/${path}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json', authorization: `Basic ${basic('toor', 'root')}` },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    };
    const kv = (key: string) => ({ kv: { read: [key], write: [key] } });
    await admin('users/root', { user: 'root', password: 'toor' });
    await admin('roles/app', { role: 'app', permissions: kv('/app/*') });
    await admin('users/app', { user: 'app', password: PASSWORD, roles: ['app'] });
    await admin('enable');
    await admin('roles/guest', { role: 'guest', revoke: kv('/*') });
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
    lines = 0;
    shown = '';
  });
  afterAll(async () => {
    await Promise.all([etcd.close(), secured.close()]);
  });

  /** Remembers all that somebody could print of a value: with its causes, hidden properties and getters, and as JSON. */
  const show = (...values: unknown[]): void => {
    for (const value of values) {
      const seen = new Set<unknown>();
      const json = JSON.stringify(value, (_key, each: unknown) => {
        if (typeof each === 'object' && each !== null) {
          if (seen.has(each)) return '(again)';
          seen.add(each);
        }
        return typeof each === 'bigint' ? String(each) : each;
      });
      shown += `${inspect(value, { depth: 12, showHidden: true, getters: true })}\n${json}\n${String(value)}\n`;
    }
  };
  const showFailure = async (call: () => unknown): Promise<void> => {
    try {
      await call();
    } catch (error) {
      expect(isStoreError(error)).toBe(true);
      show(error);
      return;
    }
    throw new Error('it succeeded');
  };
  const logger = (() => {
    const log = (message: string, details?: unknown): void => {
      lines += 1;
      show(message, details);
    };
    return { debug: log, info: log, warn: log, error: log };
  })();
  const connect = (options: EtcdV2Options): EtcdV2Store => {
    const store = etcdV2Store({ logger, timeouts: { connectMs: 2_000 }, retry: { initialMs: 20 }, ...options });
    open.unshift(store);
    return store;
  };
  /** That what was shown is worth looking at, and holds none of these. */
  const expectNone = (...secrets: (string | RegExp)[]): void => {
    expect(shown.length).toBeGreaterThan(1_000);
    for (const secret of secrets) {
      if (typeof secret !== 'string') expect(shown).not.toMatch(secret);
      else for (const form of [secret, Buffer.from(secret).toString('base64')]) expect(shown).not.toContain(form);
    }
  };

  test('the password and the headers of a user, while all is well and while it is not', async () => {
    const proxy = await startProxy(etcd.endpoints[0]!);
    open.push(proxy);
    const store = connect({
      endpoints: [proxy.endpoint],
      auth: { username: 'app', password: PASSWORD },
      headers: { 'X-Gateway': HEADER },
    });
    const watching = await follow(store, { prefix: '/app/' });
    await store.put('/app/a', '1');
    show(await store.status(), await store.stats(), await store.health(), await store.members.list());
    show(store, store.leases, store.inOrder, store.directories, store.hidden, store.members, store.capabilities);
    show(withPrefix(store, '/app/'), readOnly(store), watching.watch, watching.watch.state);
    await showFailure(() => store.get('/other'));
    await showFailure(() => store.put('/other', 'x'));
    await showFailure(() => store.put('/app/a', 'x', { ifAbsnt: true } as never));
    await showFailure(() => store.directories.create('/other'));
    await showFailure(() => store.inOrder.create('/other', 'x'));
    proxy.refuse();
    proxy.cut();
    await showFailure(() => store.get('/app/a', { timeoutMs: 100 }));
    await showFailure(() => store.get('/app/a'));
    await showFailure(() => store.put('/app/a', 'x'));
    await watching.status('interrupted');
    show(watching.watch.state);
    await proxy.allow();
    await watching.status('live');
    await store.close();
    show(store, watching.error);
    await showFailure(() => store.get('/app/a'));
    expect(lines).toBeGreaterThan(0);
    expectNone(PASSWORD, basic(PASSWORD), HEADER);
  });

  test('a wrong password', async () => {
    for (const auth of [
      { username: 'app', password: WRONG },
      () => ({ username: 'app', password: WRONG }),
      () => Promise.resolve({ username: 'nobody', password: WRONG }),
      () => ({ user: 'app', password: WRONG }) as never,
    ]) {
      const store = connect({ endpoints: etcd.endpoints, auth });
      await showFailure(() => store.get('/app/a'));
      await showFailure(() => store.put('/app/a', 'x'));
      const watching = new Following(store.watch({ prefix: '/app/' }));
      // One that the server refuses ends the watch; for a function that tells no user it waits.
      await eventually(() => ['closed', 'interrupted'].includes(watching.watch.state.status));
      show(watching.error, store, watching.watch.state);
    }
    expectNone(WRONG, basic(WRONG), basic(WRONG, 'nobody'));
  });

  test('options that are refused', async () => {
    const bad: unknown[] = [
      { endpoints: [`http://app:${WRONG}@127.0.0.1:2379`] },
      { endpoints: [`app:${WRONG}@127.0.0.1`] },
      { endpoints: etcd.endpoints, auth: { username: '', password: WRONG } },
      { endpoints: etcd.endpoints, auth: { username: 'a:b', password: WRONG } },
      { endpoints: etcd.endpoints, auth: { user: 'app', password: WRONG } },
      { endpoints: etcd.endpoints, auth: `app:${WRONG}` },
      { endpoints: etcd.endpoints, headers: { 'x-gateway': `${HEADER}\n` } },
      { endpoints: etcd.endpoints, headers: { authorization: HEADER } },
      { endpoints: secured.endpoints, tls: { cert: client.cert, key: stranger.key } },
      { endpoints: secured.endpoints, tls: { cert: client.cert, key: `${client.key.slice(0, 80)}x` } },
      { endpoints: secured.endpoints, tls: { key: client.key } },
      { endpoints: etcd.endpoints, tls: client },
    ];
    for (const options of bad) await showFailure(() => etcdV2Store(options as EtcdV2Options));
    for (const url of [
      `etcd-v2://app:${WRONG}@127.0.0.1:2379/?tsl=true`,
      `etcd-v2://app:${WRONG}@/x`,
      `etcd-v2://app:${WRONG}@a,,b/x`,
    ]) {
      await showFailure(() => openStore(url, { adapters: [etcdV2] }));
    }
    expectNone(WRONG, HEADER, /PRIVATE KEY/, client.key.split('\n')[1]!);
  });

  test('a private key, while it is taken and while it is refused', async () => {
    const tries: EtcdTlsOptions[] = [{ ca: authority.cert, ...client }, { ca: authority.cert, ...stranger }, client];
    for (const tls of tries) {
      const store = connect({ endpoints: secured.endpoints, tls });
      const works = tls.ca !== undefined && tls.key === client.key;
      if (works) show(await store.status(), await store.put('/a', '1'));
      else await showFailure(() => store.put('/a', '1'));
      const watching = new Following(store.watch({ prefix: '/' }));
      await eventually(() => watching.watch.state.status === (works ? 'live' : 'interrupted'));
      show(store, watching.watch, watching.watch.state);
    }
    for (const { key } of [client, stranger]) expectNone(/PRIVATE KEY/, key.split('\n')[1]!);
  });

  test('a store opened by URL, whose password is in it', async () => {
    const { host } = new URL(etcd.endpoints[0]!);
    const store = await openStore(`etcd-v2://app:${PASSWORD}@${host}/app`, { adapters: [etcdV2] });
    const wrong = await openStore(`etcd-v2://app:${WRONG}@${host}/app`, { adapters: [etcdV2] });
    open.push(store, wrong);
    await store.put('/url', '1');
    show(store, await store.status());
    await showFailure(() => store.compact(1));
    await showFailure(() => wrong.get('/url'));
    expectNone(PASSWORD, basic(PASSWORD), WRONG, basic(WRONG));
  });
});
