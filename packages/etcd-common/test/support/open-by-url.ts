// A store that is opened by URL has everything that one opened by its function has: a private authority, a client certificate, a
// password that is not in the URL, a logger and a time-out.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EtcdAdapterOptions } from '@holdfast/etcd-common';
import { type ConfigStore, type ConfigurableAdapter, openStore } from '@holdfast/store';
import { certificateAuthority, eventually, findEtcd, startEtcd, type Etcd } from '@holdfast/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { failure } from './failure.js';

export interface OpenByUrlWorld {
  readonly adapter: ConfigurableAdapter<EtcdAdapterOptions>;
  readonly enableV2: boolean;
  /** Requires users, and adds one called `app` that may read and write everything below `/app/`. */
  readonly enableUsers: (etcd: Etcd, password: string) => Promise<void>;
  /** Gives `app` another password. */
  readonly changePassword: (etcd: Etcd, password: string) => Promise<void>;
}

export function describeOpenByUrl({ adapter, enableV2, enableUsers, changePassword }: OpenByUrlWorld): void {
  const { scheme } = adapter;
  const authority = certificateAuthority();
  const open: { close(): Promise<void> }[] = [];
  let folder = '';
  let servers: Readonly<Record<'mutual' | 'named' | 'users', Etcd>>;

  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return encodeURIComponent(path);
  };
  const hostOf = (etcd: { readonly endpoints: readonly string[] }) => new URL(etcd.endpoints[0]!).host;
  const byUrl = async (url: string, options: object = {}): Promise<ConfigStore> => {
    const store = await openStore(url, { adapters: [adapter], timeoutMs: 60_000, ...options });
    open.push(store);
    return store;
  };
  const works = async (store: ConfigStore) => {
    await store.put('/app/x', '1');
    expect((await store.get('/app/x'))?.key).toBe('/app/x');
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-url-'));
    const start = (options: object) => startEtcd({ ...findEtcd({}), enableV2, ...options });
    const [mutual, named, users] = await Promise.all([
      start({ tls: { ...authority.issue('etcd'), clientCa: authority.cert } }),
      start({ tls: authority.issue('etcd', ['etcd.internal']) }),
      start({}),
    ]);
    servers = { mutual, named, users };
    await enableUsers(users, 'first');
  });
  afterEach(() => Promise.all(open.splice(0).map((each) => each.close())));
  afterAll(async () => {
    await Promise.all(Object.values(servers).map((server) => server.close()));
    rmSync(folder, { recursive: true });
  });

  describe('a store opened by URL', () => {
    test('trusts a private authority and shows its certificate, by files that the URL names', async () => {
      const { cert, key } = authority.issue('app');
      const files = `ca=${file('ca.pem', authority.cert)}&cert=${file('c.pem', cert)}&key=${file('k.pem', key)}`;
      await works(await byUrl(`${scheme}://${hostOf(servers.mutual)}?${files}`));
    });

    test('the same by options of the adapter', async () => {
      const tls = { ca: authority.cert, ...authority.issue('app') };
      await works(await byUrl(`${scheme}://${hostOf(servers.mutual)}`, { adapters: [adapter.with({ tls })] }));
      const url = `${scheme}://${hostOf(servers.mutual)}/app/?tls=true`;
      const view = await byUrl(url, { adapters: [adapter.with({ tls }).with({ timeouts: { requestMs: 50_000 } })] });
      expect((await view.get('x'))?.key).toBe('x');
    });

    test('expects the name that the URL says', async () => {
      const ca = `ca=${file('ca.pem', authority.cert)}`;
      const url = `${scheme}://${hostOf(servers.named)}?${ca}`;
      await works(await byUrl(`${url}&serverName=etcd.internal`));
      expect(await failure((await byUrl(url)).get('/app/x'))).toMatchObject({ code: expect.any(String) });
    });

    test('takes the password from a file, and again when it has changed', async () => {
      const path = file('password', 'first\n');
      const store = await byUrl(`${scheme}://app@${hostOf(servers.users)}?passwordFile=${path}`);
      await works(store);
      await changePassword(servers.users, 'second');
      file('password', 'second\r\n');
      await eventually(() => works(store));
      await works(
        await byUrl(`${scheme}://${hostOf(servers.users)}`, {
          adapters: [adapter.with({ auth: { username: 'app', password: 'second' } })],
        }),
      );
    });

    test('reports to the logger that openStore was given, and its calls end after timeoutMs', async () => {
      const errors: string[] = [];
      const logger = { ...console, error: (message: string) => errors.push(message) };
      const silent = createServer().listen(0, '127.0.0.1');
      open.push({ close: async () => void silent.close() });
      await new Promise((resolve) => silent.once('listening', resolve));
      const { port } = silent.address() as AddressInfo;
      const store = await byUrl(`${scheme}://127.0.0.1:${port}/app/`, { timeoutMs: 300, logger });
      expect(await failure(store.get('x'))).toMatchObject({
        code: 'timeout',
        message: expect.stringMatching(/300 ms/),
      });
      const watch = store.watch('x');
      watch.onState(() => {
        throw new Error('of a listener');
      });
      await watch.close();
      expect(errors).toEqual([expect.stringMatching(/of a listener/)]);
    });
  });
}
