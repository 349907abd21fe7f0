// What waiting can't mend is not retryable, whichever adapter says so.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isStoreError, type ConfigStore, type StoreError } from '@holdfast/store';
import { certificateAuthority, findEtcd, reservePort, startEtcd, type Etcd } from '@holdfast/testkit';

interface Tls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
}

interface Options {
  readonly endpoints: readonly string[];
  readonly tls: Tls | (() => Tls);
  readonly timeouts: { readonly connectMs: number };
  readonly retry: { readonly initialMs: number; readonly maxMs: number };
  readonly random?: () => number;
}

const YESTERDAY = () => Date.now() - 60_000;

export function describeBadCertificates(
  open: (options: Options) => ConfigStore,
  { enableV2 }: { enableV2: boolean },
): void {
  describe('bad certificates', () => {
    const authority = certificateAuthority();
    const stranger = certificateAuthority('Somebody else');
    const ca = authority.cert;
    let servers: Readonly<Record<'any' | 'mutual' | 'expired', Etcd>>;

    beforeAll(async () => {
      const start = (tls: object) =>
        startEtcd({ ...findEtcd({}), enableV2, tls: { ...authority.issue('etcd'), ...tls } });
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

    const connect = (endpoints: readonly string[], tls: Options['tls'], more: Partial<Options> = {}): ConfigStore =>
      open({ endpoints, tls, timeouts: { connectMs: 5_000 }, retry: { initialMs: 10, maxMs: 50 }, ...more });

    test.each<[what: string, server: 'any' | 'mutual' | 'expired', tls: () => Tls]>([
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
      expect(await failureOf(store.get('/x'))).toMatchObject(expected);
      expect(await failureOf(store.put('/x', 'x'))).toMatchObject({ ...expected, outcome: 'not-applied' });
      expect(await failureOf(store.txn({ then: [{ type: 'get', key: '/x' }] }))).toMatchObject(expected);
    });

    test('a function for tls that fails is not retryable either', async () => {
      const fails = (): Tls => {
        throw new Error('the vault is sealed');
      };
      await using store = connect(servers.any.endpoints, fails);
      expect(await failureOf(store.get('/x'))).toMatchObject({ code: 'unavailable', retryable: false });
    });

    test('where another endpoint may come back, waiting may help', async () => {
      const nobody = await reservePort();
      const endpoints = [...servers.expired.endpoints, `https://127.0.0.1:${nobody.port}`];
      // Whichever of the two comes first.
      for (const first of [0, 0.9]) {
        await using store = connect(endpoints, { ca }, { random: () => first, timeouts: { connectMs: 300 } });
        expect(await failureOf(store.put('/x', 'x'))).toMatchObject({
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

async function failureOf(call: Promise<unknown>): Promise<StoreError> {
  const error = await call.then(
    () => new Error('it succeeded'),
    (caught: unknown) => caught,
  );
  if (!isStoreError(error)) throw error;
  return error;
}
