// A time-out says why nothing was answered, whoever has set it: for the tests of both adapters.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror } from '@holdfast/core';
import { readOnly, withPrefix, type ConfigStore } from '@holdfast/store';
import { certificateAuthority, findEtcd, reservePort, type Etcd, type ReservedPort } from '@holdfast/testkit';
import type { EtcdOptions } from '@holdfast/etcd-common';
import { startFor, type EtcdAdapter } from './adapter.js';
import { failure } from './failure.js';

const LIMIT_MS = 2_000;

export function describeTimeouts(adapter: EtcdAdapter): void {
  const { open } = adapter;
  describe('a time-out', () => {
    const authority = certificateAuthority();
    const { cert: ca } = authority;
    let nobody: ReservedPort;
    let plain: Etcd;
    let secure: Etcd;

    beforeAll(async () => {
      nobody = await reservePort();
      [plain, secure] = await Promise.all([
        startFor(adapter, findEtcd({})),
        startFor(adapter, { ...findEtcd({}), tls: authority.issue('etcd') }),
      ]);
    });
    afterAll(async () => {
      nobody.release();
      await Promise.all([plain.close(), secure.close()]);
    });

    const cases: readonly (readonly [what: string, options: () => EtcdOptions, says: RegExp])[] = [
      ['a port that refuses', () => ({ endpoints: [`http://127.0.0.1:${nobody.port}`] }), /ECONNREFUSED/],
      [
        'a host that is unknown',
        () => ({ endpoints: ['http://etcd.invalid:2379'] }),
        /ENOTFOUND|EAI_AGAIN|Name resolution/,
      ],
      [
        'http to a server that speaks TLS',
        () => ({ endpoints: [plainly(secure.endpoints[0]!)] }),
        /TLS|socket|closed|ECONNRESET|hang up|protocol/i,
      ],
      [
        'https to a server that speaks none',
        () => ({ endpoints: [plain.endpoints[0]!.replace('http:', 'https:')], tls: { ca } }),
        /TLS|http:/,
      ],
    ];

    test.each(cases)(
      'of a call to %s has the last failure as its cause, and in its text',
      async (_what, options, says) => {
        const [endpoint] = options().endpoints;
        await using store = open(options());
        await using view = withPrefix(store, '/app/');
        const failures = await Promise.all([
          failure(store.get('/x', { timeoutMs: LIMIT_MS })),
          failure(store.put('/x', '1', { timeoutMs: LIMIT_MS })),
          failure(pagesOf(store, LIMIT_MS)),
          failure(view.get('x', { timeoutMs: LIMIT_MS })),
          failure(readOnly(store).get('/x', { timeoutMs: LIMIT_MS })),
        ]);
        expect(failures.map(({ outcome }) => outcome)).toEqual([
          undefined,
          'not-applied',
          undefined,
          undefined,
          undefined,
        ]);
        for (const error of failures) {
          // A failure that can't pass is told at once.
          if (error.code !== 'timeout') expect(error.code).toBe('unavailable');
          expect(error.message).toMatch(says);
          expect(error.message).toContain(endpoint);
          if (error.code !== 'timeout') continue;
          expect(error.message).toContain(`${LIMIT_MS} ms (timeoutMs)`);
          expect(error.cause).toMatchObject({ code: 'unavailable', message: expect.stringMatching(says) });
          expect(error).toMatchObject({ endpoint, retryable: true });
        }
      },
    );

    test('that is the default of a store says it too', async () => {
      await using store = open({
        endpoints: [`http://127.0.0.1:${nobody.port}`],
        timeouts: { requestMs: LIMIT_MS },
      });
      const calls = [store.get('/x'), store.delete('/x'), store.status()];
      for (const error of await Promise.all(calls.map((call) => failure(call)))) {
        expect(error).toMatchObject({
          code: 'timeout',
          message: expect.stringContaining('ECONNREFUSED'),
          cause: { code: 'unavailable', message: expect.stringContaining('ECONNREFUSED') },
        });
      }
    });

    test('that comes through a signal, and one of a mirror that starts, say it as well', async () => {
      await using store = open({ endpoints: [`http://127.0.0.1:${nobody.port}`] });
      const error = await failure(store.get('/x', { signal: AbortSignal.timeout(LIMIT_MS) }));
      expect(error).toMatchObject({ code: 'aborted', message: expect.stringContaining('ECONNREFUSED') });
      expect(await failure(mirror(store, { prefix: '/app/', startTimeoutMs: LIMIT_MS }))).toMatchObject({
        code: 'timeout',
        message: expect.stringContaining('ECONNREFUSED'),
        cause: { code: 'unavailable' },
      });
    });

    test('without a failure has no cause', async () => {
      await using store = open({ endpoints: plain.endpoints });
      await store.get('/x');
      plain.members[0]!.pause();
      const error = await failure(store.get('/x', { timeoutMs: LIMIT_MS }));
      plain.members[0]!.resume();
      expect(error).toMatchObject({ code: 'timeout', message: expect.not.stringContaining('last attempt') });
      expect(error.cause).toBeUndefined();
    });
  });
}

function plainly(endpoint: string): string {
  return endpoint.replace('https:', 'http:');
}

async function pagesOf(store: ConfigStore, timeoutMs: number): Promise<void> {
  for await (const page of store.scan({ prefix: '/' }, { timeoutMs })) void page.length;
}
