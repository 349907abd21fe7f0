// Passwords, tokens, keys and the values of headers are in nothing that a store shows: no error, log line, state or status.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { isStoreError, openStore, readOnly, withPrefix, type ConfigStore } from '@holdfast/store';
import { findEtcd, certificateAuthority, eventually, startProxy, type Etcd } from '@holdfast/testkit';
import type { EtcdOptions, EtcdTlsOptions } from '@holdfast/etcd-common';
import { startFor, type EtcdAdapter } from './adapter.js';
import { follow, Follower } from './follower.js';

const PASSWORD = 'apppw';
const WRONG = 'wr0ng-pass';
const HEADER = 'Bearer-s3cret';

/**
 * How long calls look for a server, in milliseconds. Where none listens, that is what each of them takes. A server that checks a password
 * takes its time on a busy machine.
 */
const CONNECT_MS = 8_000;

/** What is special about the users of one API. */
export interface SecretUsers {
  /** Turns users on: `app`, with this password, may read and write below `/app/`. */
  readonly enable: (etcd: Etcd, password: string) => Promise<void>;
  /** etcd's flags that make its users quick. */
  readonly args?: readonly string[];
  /** What goes over the wire in place of a password, and must not be shown either. */
  readonly sent: (username: string, password: string) => readonly (string | RegExp)[];
  /** Like something that `sent` names. */
  readonly sample: string;
  /** What this store has beside the contract. */
  readonly parts?: (store: ConfigStore) => Promise<unknown[]>;
  /** Calls beside the contract that this user may not make. */
  readonly forbidden?: (store: ConfigStore) => readonly (() => Promise<unknown>)[];
  /** Options that this adapter alone refuses. */
  readonly bad: (secret: string) => readonly Partial<EtcdOptions>[];
}

export function describeSecrets(adapter: EtcdAdapter, users: SecretUsers): void {
  const { scheme } = adapter.adapter;
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
        startFor(adapter, { version, args: users.args ?? [] }),
        startFor(adapter, { version, tls: { ...authority.issue('etcd'), clientCa: authority.cert } }),
      ]);
      await users.enable(etcd, PASSWORD);
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
    const connect = (options: EtcdOptions): ConfigStore => {
      const store = adapter.open({
        logger,
        timeouts: { connectMs: CONNECT_MS },
        retry: { initialMs: 20 },
        ...options,
      });
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

    test('the password and the headers of a user, and what is sent in place of a password, while all is well and while it is not', async () => {
      const proxy = await startProxy(etcd.endpoints[0]!);
      open.push(proxy);
      const store = connect({
        endpoints: [proxy.endpoint],
        auth: { username: 'app', password: PASSWORD },
        headers: { 'x-gateway': HEADER },
      });
      const follower = await follow(store, { prefix: '/app/' });
      await store.put('/app/a', '1');
      show(await store.status(), store, store.leases, store.capabilities, withPrefix(store, '/app/'), readOnly(store));
      show(follower.watch, follower.watch.state, ...((await users.parts?.(store)) ?? []));
      await showFailure(() => store.get('/other'));
      await showFailure(() => store.put('/other', 'x'));
      await showFailure(() => store.put('/app/a', 'x', { ifAbsnt: true } as never));
      await showFailure(() => store.watch({ prefix: '/other/' }).ready);
      for (const call of users.forbidden?.(store) ?? []) await showFailure(call);
      // The server forgets its tokens, then goes away.
      await etcd.members[0]!.stop();
      await showFailure(() => store.get('/app/a', { timeoutMs: 100 }));
      await Promise.all([showFailure(() => store.get('/app/a')), showFailure(() => store.put('/app/a', 'x'))]);
      await follower.status('interrupted');
      show(follower.watch.state);
      await etcd.members[0]!.start();
      await follower.status('live');
      show(...follower.states, await store.status());
      await store.close();
      show(store, follower.error);
      await showFailure(() => store.get('/app/a'));
      expect(lines).toBeGreaterThan(0);
      expectNone(PASSWORD, HEADER, ...users.sent('app', PASSWORD));
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
      expectNone(WRONG, ...users.sent('app', WRONG), ...users.sent('nobody', WRONG));
    });

    test('options that are refused', async () => {
      const bad: unknown[] = [
        { endpoints: [`http://app:${WRONG}@127.0.0.1:2379`] },
        { endpoints: [`app:${WRONG}@127.0.0.1`] },
        { endpoints: etcd.endpoints, auth: { username: '', password: WRONG } },
        { endpoints: etcd.endpoints, auth: { user: 'app', password: WRONG } },
        { endpoints: etcd.endpoints, auth: `app:${WRONG}` },
        { endpoints: etcd.endpoints, headers: { 'x-gateway': `${HEADER}\n` } },
        ...[...users.bad(HEADER), ...users.bad(WRONG)].map((options) => ({ endpoints: etcd.endpoints, ...options })),
        { endpoints: secured.endpoints, tls: { cert: client.cert, key: stranger.key } },
        { endpoints: secured.endpoints, tls: { cert: client.cert, key: `${client.key.slice(0, 80)}x` } },
        { endpoints: secured.endpoints, tls: { key: client.key } },
        { endpoints: etcd.endpoints, tls: client },
      ];
      for (const options of bad) await showFailure(() => adapter.open(options as EtcdOptions));
      for (const url of [
        `${scheme}://app:${WRONG}@127.0.0.1:2379/?tsl=true`,
        `${scheme}://app:${WRONG}@/x`,
        `${scheme}://app:${WRONG}@a,,b/x`,
        `${scheme}://app:${WRONG}%zz@127.0.0.1/x`,
        `etcd-v4://app:${WRONG}@127.0.0.1/x`,
        `app:${WRONG}@127.0.0.1/x`,
      ]) {
        await showFailure(() => openStore(url, { adapters: [adapter.adapter] }));
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
      const store = await openStore(`${scheme}://app:${PASSWORD}@${host}/app`, { adapters: [adapter.adapter] });
      open.push(store);
      await store.put('/url', '1');
      show(store, await store.status());
      await showFailure(() => store.compact(1));
      await showFailure(() => store.get('/url', { revision: 2 ** 40 }));
      const wrong = await openStore(`${scheme}://app:${WRONG}@${host}/app`, { adapters: [adapter.adapter] });
      open.push(wrong);
      await showFailure(() => wrong.get('/url'));
      expectNone(PASSWORD, WRONG, ...users.sent('app', PASSWORD), ...users.sent('app', WRONG));
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
      shown = `${'x'.repeat(2_000)} token ${users.sample} `;
      expect(() => {
        expectNone(...users.sent('app', PASSWORD));
      }).toThrow();
    });
  });
}
