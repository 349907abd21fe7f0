// What TLS says when it fails, for calls and watches alike, and certificates that change under a living watch.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConfigStore } from '@holdfast/store';
import { findEtcd, certificateAuthority, eventually, startProxy, type Etcd } from '@holdfast/testkit';
import type { EtcdOptions, EtcdTlsOptions } from '@holdfast/etcd-common';
import { startFor, type EtcdAdapter } from './adapter.js';
import { failure } from './failure.js';
import { follow } from './follower.js';

const YESTERDAY = () => Date.now() - 60_000;

/** How long calls look for a server, in milliseconds. Only a failing test waits so long, however slow the machine is. */
const CONNECT_MS = 60_000;

export function describeCertificates(adapter: EtcdAdapter): void {
  describe.each([findEtcd({})])('certificates, on etcd $version', ({ version }) => {
    const authority = certificateAuthority();
    const stranger = certificateAuthority('Somebody else');
    const open: { close(): Promise<void> }[] = [];
    /** Takes anybody; only clients with a certificate; has a certificate for another name; one that has expired. */
    let servers: Readonly<Record<'any' | 'mutual' | 'named' | 'expired', Etcd>>;

    beforeAll(async () => {
      const tls = authority.issue('etcd');
      const [any, mutual, named, expired] = await Promise.all([
        startFor(adapter, { version, tls }),
        startFor(adapter, { version, tls: { ...tls, clientCa: authority.cert } }),
        startFor(adapter, { version, tls: authority.issue('etcd', ['etcd.internal']) }),
        startFor(adapter, { version, tls: authority.issue('etcd', undefined, YESTERDAY()) }),
      ]);
      servers = { any, mutual, named, expired };
    });
    afterEach(async () => {
      await Promise.all(open.splice(0).map((resource) => resource.close()));
    });
    afterAll(async () => {
      await Promise.all(Object.values(servers).map((server) => server.close()));
    });

    const connect = (endpoints: readonly string[], tls: EtcdOptions['tls']): ConfigStore => {
      const store = adapter.open({
        endpoints,
        tls,
        timeouts: { connectMs: CONNECT_MS },
        retry: { initialMs: 20, maxMs: 100 },
      });
      open.push(store);
      return store;
    };

    const ca = authority.cert;
    test.each<[what: string, server: keyof typeof servers, tls: () => EtcdTlsOptions, said: string]>([
      ['no authority', 'any', () => ({}), "unknown authority: pass that authority's certificate in tls.ca"],
      ['the wrong authority', 'any', () => ({ ca: stranger.cert }), 'unknown authority'],
      ['another name in the certificate', 'named', () => ({ ca }), 'is for another name: set tls.serverName'],
      ['a server name that is not in it', 'any', () => ({ ca, serverName: 'etcd.internal' }), 'tls.serverName'],
      ['an expired server certificate', 'expired', () => ({ ca }), "the server's certificate has expired"],
      ['no client certificate', 'mutual', () => ({ ca }), 'pass tls.cert and tls.key'],
      ['a client certificate of an unknown authority', 'mutual', () => ({ ca, ...stranger.issue('x') }), 'tls.cert'],
      [
        'an expired client certificate',
        'mutual',
        () => ({ ca, ...authority.issue('x', undefined, YESTERDAY()) }),
        'tls.cert',
      ],
    ])('%s: the error says so, before the time-out, and nothing was written', async (_what, server, tls, said) => {
      const endpoint = servers[server].endpoints[0]!;
      const store = connect([endpoint], tls());
      const began = Date.now();
      for (const error of [
        await failure(store.get('/x')),
        await failure(store.put('/x', 'x')),
        await failure(store.txn({ then: [{ type: 'get', key: '/x' }] })),
      ]) {
        expect(error).toMatchObject({ code: 'unavailable', endpoint, retryable: false });
        expect(error.message).toContain(endpoint);
        expect(error.message).toContain(said);
      }
      expect(await failure(store.put('/x', 'x'))).toMatchObject({ outcome: 'not-applied' });
      expect(Date.now() - began).toBeLessThan(CONNECT_MS);
      // A watch waits for better times, and tells what for.
      const watch = store.watch({ prefix: '/' });
      await eventually(() => watch.state.status === 'interrupted');
      expect(watch.state.status === 'interrupted' && watch.state.cause.message).toContain(said);
    });

    test('with all of it right, calls and watches work', async () => {
      const client = authority.issue('client');
      for (const [server, tls] of [
        [servers.any, { ca }],
        [servers.any, { ca: [stranger.cert, ca] }],
        [servers.any, { ca: Buffer.from(ca) }],
        [servers.mutual, { ca, ...client }],
        [servers.mutual, { ca: Buffer.from(ca), cert: Buffer.from(client.cert), key: Buffer.from(client.key) }],
        [servers.named, { ca, serverName: 'etcd.internal' }],
        [servers.expired, { rejectUnauthorized: false }],
      ] as const) {
        const store = connect(server.endpoints, tls);
        const follower = await follow(store, { prefix: '/a/' });
        await store.put('/a/1', '1');
        await follower.until(1);
      }
    });

    test('one endpoint with a bad certificate does not keep a store from the others', async () => {
      const store = connect([...servers.expired.endpoints, ...servers.named.endpoints, ...servers.any.endpoints], {
        ca,
      });
      for (let i = 0; i < 5; i++) await store.put('/x', 'x');
      expect((await store.status()).endpoint).toBe(servers.any.endpoints[0]);
    });

    test('certificates that change do not cost a watch: it goes on, over a new connection, where it was', async () => {
      const proxy = await startProxy(servers.mutual.endpoints[0]!);
      let asked = 0;
      let tls: EtcdTlsOptions = { ca, ...authority.issue('first') };
      const store = connect([proxy.endpoint], () => {
        asked += 1;
        return tls;
      });
      open.push(proxy);
      const follower = await follow(store, { prefix: '/rotated/' });
      await store.put('/rotated/1', '1');
      const writer = connect(servers.mutual.endpoints, { ca, ...authority.issue('writer') });

      // The old one is no longer taken, and the new one is not there yet.
      tls = { ca, ...authority.issue('first', undefined, YESTERDAY()) };
      proxy.cut();
      await follower.status('interrupted');
      await writer.put('/rotated/2', '2');
      await eventually(() => {
        const { state } = follower.watch;
        return state.status === 'interrupted' && state.cause.message.includes('tls.cert');
      });
      tls = { ca, ...authority.issue('second') };
      await follower.until(2);
      expect(follower.told).toEqual(['put /rotated/1=1', 'put /rotated/2=2']);
      expect(follower.error).toBeUndefined();
      follower.check();
      expect(asked).toBeGreaterThan(2);
      expect(await store.get('/rotated/2')).toMatchObject({ key: '/rotated/2' });
    });

    test('a function for tls that fails while a watch reconnects: calls say so, the watch waits, and loses nothing', async () => {
      const proxy = await startProxy(servers.mutual.endpoints[0]!);
      const client = { ca, ...authority.issue('client') };
      let tls = (): EtcdTlsOptions => client;
      const store = connect([proxy.endpoint], () => tls());
      open.push(proxy);
      const follower = await follow(store, { prefix: '/sealed/' });
      await store.put('/sealed/1', '1');
      const writer = connect(servers.mutual.endpoints, { ca, ...authority.issue('writer') });
      // It throws, and then gives half of what it should, as a file does that is being written.
      for (const [n, fault] of [
        () => {
          throw new Error('the vault is sealed');
        },
        () => ({ ca, cert: client.cert.slice(0, 100), key: client.key }),
      ].entries()) {
        tls = fault;
        proxy.cut();
        await follower.status('interrupted');
        expect(await failure(store.put('/sealed/x', 'never'))).toMatchObject({
          code: 'unavailable',
          outcome: 'not-applied',
        });
        await writer.put(`/sealed/${n + 2}`, '2');
        tls = () => client;
        await follower.until(n + 2);
      }
      expect(follower.told).toEqual(['put /sealed/1=1', 'put /sealed/2=2', 'put /sealed/3=2']);
      expect(follower.error).toBeUndefined();
      follower.check();
    });
  });
}
