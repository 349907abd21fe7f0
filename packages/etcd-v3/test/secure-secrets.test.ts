// Passwords, tokens, keys and the values of headers are in nothing that a store shows: no error, log line, state or status.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { isStoreError, openStore, readOnly, withPrefix } from '@holdfast/store';
import { findEtcd, certificateAuthority, eventually, startEtcd, startProxy, type Etcd } from '@holdfast/testkit';
import { etcdV3, etcdV3Store, type EtcdTlsOptions, type EtcdV3Options, type EtcdV3Store } from '@holdfast/etcd-v3';
import { enableAuth } from './watch-auth.js';
import { Follower } from './watch-world.js';

const PASSWORD = 'apppw';
const WRONG = 'wr0ng-pass';
const HEADER = 'Bearer-s3cret';
/** What etcd's simple tokens look like. */
const TOKEN = /\b[A-Za-z]{16}\.\d+\b/;

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
      startEtcd({ version, args: ['--bcrypt-cost=4'] }),
      startEtcd({ version, tls: { ...authority.issue('etcd'), clientCa: authority.cert } }),
    ]);
    await enableAuth(etcd, ['/app/']);
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
  const connect = (options: EtcdV3Options): EtcdV3Store => {
    const store = etcdV3Store({ logger, timeouts: { connectMs: 500 }, retry: { initialMs: 20 }, ...options });
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

  test('the password, the token and the headers of a user, while all is well and while it is not', async () => {
    const proxy = await startProxy(etcd.endpoints[0]!);
    open.push(proxy);
    const store = connect({
      endpoints: [proxy.endpoint],
      auth: { username: 'app', password: PASSWORD },
      headers: { 'x-gateway': HEADER },
    });
    const follower = new Follower(store.watch({ prefix: '/app/' }));
    await follower.watch.ready;
    await store.put('/app/a', '1');
    show(await store.status(), store, store.leases, store.capabilities, withPrefix(store, '/app/'), readOnly(store));
    show(follower.watch, follower.watch.state);
    await showFailure(() => store.get('/other'));
    await showFailure(() => store.put('/other', 'x'));
    await showFailure(() => store.put('/app/a', 'x', { ifAbsnt: true } as never));
    await showFailure(() => store.watch({ prefix: '/other/' }).ready);
    // The server forgets its tokens, then goes away.
    await etcd.members[0]!.stop();
    await showFailure(() => store.get('/app/a', { timeoutMs: 100 }));
    await showFailure(() => store.get('/app/a'));
    await showFailure(() => store.put('/app/a', 'x'));
    await eventually(() => follower.interruptions > 0);
    await etcd.members[0]!.start();
    await eventually(() => follower.watch.state.status === 'live');
    show(...follower.states, await store.status());
    await store.close();
    show(store, follower.error);
    await showFailure(() => store.get('/app/a'));
    expect(lines).toBeGreaterThan(0);
    expectNone(PASSWORD, HEADER, TOKEN);
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
      const follower = new Follower(store.watch({ prefix: '/app/' }));
      // One that the server refuses ends the watch; for a function that tells no user it waits.
      await eventually(() => ['closed', 'interrupted'].includes(follower.watch.state.status));
      show(store, follower.error, ...follower.states);
    }
    expectNone(WRONG);
  });

  test('options that are refused', async () => {
    const bad: unknown[] = [
      { endpoints: [`http://app:${WRONG}@127.0.0.1:2379`] },
      { endpoints: [`app:${WRONG}@127.0.0.1`] },
      { endpoints: etcd.endpoints, auth: { username: '', password: WRONG } },
      { endpoints: etcd.endpoints, auth: { user: 'app', password: WRONG } },
      { endpoints: etcd.endpoints, auth: `app:${WRONG}` },
      { endpoints: etcd.endpoints, headers: { authorization: `${HEADER}\n` } },
      { endpoints: etcd.endpoints, headers: { authorization: 7, token: HEADER } },
      { endpoints: secured.endpoints, tls: { cert: client.cert, key: stranger.key } },
      { endpoints: secured.endpoints, tls: { cert: client.cert, key: `${client.key.slice(0, 80)}x` } },
      { endpoints: secured.endpoints, tls: { key: client.key } },
      { endpoints: etcd.endpoints, tls: client },
    ];
    for (const options of bad) await showFailure(() => etcdV3Store(options as EtcdV3Options));
    for (const url of [
      `etcd-v3://app:${WRONG}@127.0.0.1:2379/?tsl=true`,
      `etcd-v3://app:${WRONG}@/x`,
      `etcd-v3://app:${WRONG}@a,,b/x`,
      `etcd-v3://app:${WRONG}%zz@127.0.0.1/x`,
      `etcd-v4://app:${WRONG}@127.0.0.1/x`,
      `app:${WRONG}@127.0.0.1/x`,
    ]) {
      await showFailure(() => openStore(url, { adapters: [etcdV3] }));
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
      const follower = new Follower(store.watch({ prefix: '/' }));
      await eventually(() => follower.watch.state.status === (works ? 'live' : 'interrupted'));
      show(store, follower.watch, ...follower.states);
    }
    for (const { key } of [client, stranger]) expectNone(/PRIVATE KEY/, key.split('\n')[1]!);
  });

  test('a store opened by URL, whose password is in it', async () => {
    const { host } = new URL(etcd.endpoints[0]!);
    const store = await openStore(`etcd-v3://app:${PASSWORD}@${host}/app`, { adapters: [etcdV3] });
    open.push(store);
    await store.put('/url', '1');
    show(store, await store.status());
    await showFailure(() => store.compact(1));
    await showFailure(() => store.get('/url', { revision: 2 ** 40 }));
    const wrong = await openStore(`etcd-v3://app:${WRONG}@${host}/app`, { adapters: [etcdV3] });
    open.push(wrong);
    await showFailure(() => wrong.get('/url'));
    expectNone(PASSWORD, WRONG, TOKEN);
  });

  test('would be found, if one were shown', () => {
    shown = 'x'.repeat(2_000);
    show(Object.assign(new Error('failed', { cause: { deep: [new Error(`as ${PASSWORD}`)] } })));
    expect(() => {
      expectNone(PASSWORD);
    }).toThrow();
    shown = 'x'.repeat(2_000);
    show({ authorization: Buffer.from(PASSWORD).toString('base64') });
    expect(() => {
      expectNone(PASSWORD);
    }).toThrow();
    shown = `${'x'.repeat(2_000)} token NQZdeDcRcNSrPyZp.17 `;
    expect(() => {
      expectNone(TOKEN);
    }).toThrow();
  });
});
