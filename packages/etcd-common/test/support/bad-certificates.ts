// What waiting can't mend is not retryable, whichever adapter says so.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConfigStore } from '@holdfast/store';
import { certificateAuthority, findEtcd, reservePort, type Etcd } from '@holdfast/testkit';
import type { EtcdOptions, EtcdTlsOptions } from '@holdfast/etcd-common';
import { startFor, type EtcdAdapter } from './adapter.js';
import { failure } from './failure.js';

const YESTERDAY = () => Date.now() - 60_000;

export function describeBadCertificates(adapter: EtcdAdapter): void {
  describe('bad certificates', () => {
    const authority = certificateAuthority();
    const stranger = certificateAuthority('Somebody else');
    const ca = authority.cert;
    let servers: Readonly<Record<'any' | 'mutual' | 'expired', Etcd>>;

    beforeAll(async () => {
      const start = (tls: object) =>
        startFor(adapter, { ...findEtcd({}), tls: { ...authority.issue('etcd'), ...tls } });
      const [any, mutual, expired] = await Promise.all([
        start({}),
        start({ clientCa: ca }),
        start(authority.issue('etcd', undefined, YESTERDAY())),
      ]);
      servers = { any, mutual, expired };
    });
    afterAll(async () => {
      await Promise.all(Object.values(servers).map((server) => server.close()));
    });

    const connect = (
      endpoints: readonly string[],
      tls: EtcdOptions['tls'],
      more: Partial<EtcdOptions> = {},
    ): ConfigStore =>
      adapter.open({ endpoints, tls, timeouts: { connectMs: 5_000 }, retry: { initialMs: 10, maxMs: 50 }, ...more });

    test.each<[what: string, server: 'any' | 'mutual' | 'expired', tls: () => EtcdTlsOptions]>([
      ['a server whose authority is unknown', 'any', () => ({ ca: stranger.cert })],
      ['an authority that is not trusted by the system', 'any', () => ({})],
      ['a certificate that has expired', 'expired', () => ({ ca })],
      ['a certificate for another name', 'any', () => ({ ca, serverName: 'etcd.internal' })],
      ['no client certificate', 'mutual', () => ({ ca })],
      ['a client certificate of another authority', 'mutual', () => ({ ca, ...stranger.issue('x') })],
      [
        'a client certificate that has expired',
        'mutual',
        () => ({ ca, ...authority.issue('x', undefined, YESTERDAY()) }),
      ],
    ])('%s: not retryable, for reads, writes and leases', async (_what, server, tls) => {
      await using store = connect(servers[server].endpoints, tls());
      const expected = { code: 'unavailable', retryable: false, endpoint: servers[server].endpoints[0] };
      expect(await failure(store.get('/x'))).toMatchObject(expected);
      expect(await failure(store.put('/x', 'x'))).toMatchObject({ ...expected, outcome: 'not-applied' });
      expect(await failure(store.txn({ then: [{ type: 'get', key: '/x' }] }))).toMatchObject(expected);
    });

    test('a function for tls that fails is not retryable either', async () => {
      const fails = (): EtcdTlsOptions => {
        throw new Error('the vault is sealed');
      };
      await using store = connect(servers.any.endpoints, fails);
      expect(await failure(store.get('/x'))).toMatchObject({ code: 'unavailable', retryable: false });
    });

    test.each<[string, () => Promise<EtcdTlsOptions>]>([
      ['rejects', () => Promise.reject(new Error('the vault is sealed'))],
      ['resolves', () => Promise.resolve({ ca })],
    ])('a function for tls that gives a promise is told so, and ends no process: one that %s', async (_how, later) => {
      const rejections: unknown[] = [];
      const onRejection = (reason: unknown) => rejections.push(reason);
      process.on('unhandledRejection', onRejection);
      await using store = connect(servers.any.endpoints, later as unknown as () => EtcdTlsOptions);
      const error = await failure(store.put('/x', 'x'));
      expect(error).toMatchObject({ code: 'unavailable', retryable: false, outcome: 'not-applied' });
      expect(error.message).toContain('tls gives a promise');
      await new Promise((resolve) => setImmediate(resolve));
      process.off('unhandledRejection', onRejection);
      expect(rejections).toEqual([]);
    });

    test('where another endpoint may come back, waiting may help', async () => {
      const nobody = await reservePort();
      const endpoints = [...servers.expired.endpoints, `https://127.0.0.1:${nobody.port}`];
      // Whichever of the two comes first.
      for (const first of [0, 0.9]) {
        await using store = connect(endpoints, { ca }, { random: () => first, timeouts: { connectMs: 300 } });
        expect(await failure(store.put('/x', 'x'))).toMatchObject({
          code: 'unavailable',
          retryable: true,
          outcome: 'not-applied',
          message: expect.stringMatching(/has expired.*ECONNREFUSED|ECONNREFUSED.*has expired/),
        });
      }
      nobody.release();
    });
  });
}
