// Names with the dot of the root at their end, which Go's TLS servers refuse as SNI, for the tests of both adapters.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import dns, { type LookupAddress } from 'node:dns';
import { certificateAuthority, findEtcd, type Etcd } from '@holdfast/testkit';
import { startFor, type EtcdAdapter } from './adapter.js';

const LOCAL: LookupAddress = { address: '127.0.0.1', family: 4 };

/** Lets names below `.test` be this machine, with and without the dot at their end. */
function resolveTestNames(): void {
  const isOurs = (host: string): boolean => /\.test\.?$/.test(host);
  const { lookup } = dns.promises;
  jest
    .spyOn(dns.promises, 'lookup')
    .mockImplementation(((host: string, options: object) =>
      isOurs(host) ? Promise.resolve([LOCAL]) : lookup(host, options)) as typeof lookup);
  const withCallback = dns.lookup.bind(dns);
  type Callback = (error: null, found: readonly LookupAddress[]) => void;
  jest.spyOn(dns, 'lookup').mockImplementation(((host: string, options: object, callback: Callback) => {
    if (isOurs(host)) callback(null, [LOCAL]);
    else withCallback(host, options, callback as never);
  }) as unknown as typeof dns.lookup);
}

export function describeTrailingDot(adapter: EtcdAdapter): void {
  describe('names that end with a dot', () => {
    const authority = certificateAuthority();
    let etcd: Etcd;

    beforeAll(async () => {
      const tls = authority.issue('etcd', ['127.0.0.1', 'etcd-1.test']);
      etcd = await startFor(adapter, { ...findEtcd({}), tls });
    });
    afterEach(() => {
      jest.restoreAllMocks();
    });
    afterAll(async () => {
      await etcd.close();
    });

    test.each<[host: string, serverName: string | undefined]>([
      ['etcd-1.test.', undefined],
      ['etcd-1.test', undefined],
      ['127.0.0.1', 'etcd-1.test.'],
      ['etcd-1.test.', 'etcd-1.test.'],
      // An address is no name to ask for, and is in the certificate all the same.
      ['etcd-1.test.', '127.0.0.1'],
    ])('a server at %s, with tls.serverName %s, is reached', async (host, serverName) => {
      resolveTestNames();
      const { port } = new URL(etcd.endpoints[0]!);
      const endpoints = [`https://${host}:${port}`];
      await using store = adapter.open({
        endpoints,
        tls: { ca: authority.cert, serverName },
        timeouts: { connectMs: 60_000 },
      });
      await store.put('/named', host);
      expect(await store.get('/named')).toMatchObject({ key: '/named' });
      expect((await store.status()).version).toMatch(/^3\./);
    });

    test('a certificate for another name is refused all the same', async () => {
      resolveTestNames();
      const { port } = new URL(etcd.endpoints[0]!);
      const endpoints = [`https://etcd-2.test.:${port}`];
      await using store = adapter.open({ endpoints, tls: { ca: authority.cert }, timeouts: { connectMs: 60_000 } });
      await expect(store.get('/named')).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('for another name'),
      });
    });
  });
}
