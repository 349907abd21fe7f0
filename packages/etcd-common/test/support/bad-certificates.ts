// What waiting can't mend is not retryable, whichever adapter says so. For each certificate that is refused, see certificates.ts.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConfigStore } from '@holdfast/store';
import { onFailure } from '@holdfast/store/adapter';
import {
  certificateAuthority,
  eventually,
  findEtcd,
  reservePort,
  virtualClock,
  type Certificate,
  type Etcd,
} from '@holdfast/testkit';
import type { EtcdOptions, EtcdTlsOptions } from '@holdfast/etcd-common';
import { startFor, type EtcdAdapter } from './adapter.js';
import { failure } from './failure.js';

const YESTERDAY = () => Date.now() - 60_000;

/** How long calls look for a server, in milliseconds: longer than a handshake takes on a busy machine. */
const CONNECT_MS = 60_000;

export function describeBadCertificates(adapter: EtcdAdapter): void {
  describe('bad certificates', () => {
    const authority = certificateAuthority();
    const ca = authority.cert;
    let servers: Readonly<Record<'any' | 'expired', Etcd>>;

    beforeAll(async () => {
      const start = (certificate: Certificate) => startFor(adapter, { ...findEtcd({}), tls: certificate });
      const [any, expired] = await Promise.all([
        start(authority.issue('etcd')),
        start(authority.issue('etcd', undefined, YESTERDAY())),
      ]);
      servers = { any, expired };
    });
    afterAll(async () => {
      await Promise.all(Object.values(servers).map((server) => server.close()));
    });

    const connect = (
      endpoints: readonly string[],
      tls: EtcdOptions['tls'],
      more: Partial<EtcdOptions> = {},
    ): ConfigStore =>
      adapter.open({
        endpoints,
        tls,
        timeouts: { connectMs: CONNECT_MS },
        retry: { initialMs: 10, maxMs: 50 },
        ...more,
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
      // Whichever of the two comes first. Time is up once both have failed, and not before.
      const failures = [0, 0.9].map(async (first) => {
        const clock = virtualClock();
        // One at a time, and not one after the other while the time passes.
        const retry = { initialMs: CONNECT_MS / 6 };
        await using store = connect(endpoints, { ca }, { random: () => first, retry, clock });
        const { signal } = new AbortController();
        const seen: string[] = [];
        onFailure(signal, ({ message }) => seen.push(message));
        const error = failure(store.put('/x', 'x', { signal }));
        await eventually(() => ['has expired', 'ECONNREFUSED'].every((why) => seen.some((each) => each.includes(why))));
        await clock.advance(CONNECT_MS);
        return await error;
      });
      for (const error of await Promise.all(failures)) {
        expect(error).toMatchObject({
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
