// A time-out says why nothing was answered, whoever has set it: for the tests of both adapters.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror } from '@holdfast/core';
import { readOnly, withPrefix, type CallOptions, type ConfigStore, type StoreError } from '@holdfast/store';
import {
  certificateAuthority,
  findEtcd,
  reservePort,
  virtualClock,
  type Etcd,
  type ReservedPort,
} from '@holdfast/testkit';
import type { EtcdOptions } from '@holdfast/etcd-common';
import { startFor, type EtcdAdapter } from './adapter.js';
import { failingOnce } from './failing-once.js';
import { failure } from './failure.js';
import { whileTimePasses } from './while-time-passes.js';

const LIMIT_MS = 2_000;
/** By the system's clock, which is that of views: longer than a busy machine takes to fail once. */
const VIEW_LIMIT_MS = 10_000;

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
        const clock = virtualClock();
        await using store = open({ ...options(), clock });
        const calls = [
          (limits: CallOptions) => store.get('/x', limits),
          (limits: CallOptions) => store.put('/x', '1', limits),
          (limits: CallOptions) => pagesOf(store, limits),
        ].map((call) => failingOnce((signal) => call({ signal, timeoutMs: LIMIT_MS })));
        await Promise.all(calls.map(({ failedOnce }) => failedOnce));
        await clock.advance(LIMIT_MS);
        const failures = await Promise.all(calls.map(({ error }) => error));
        expect(failures.map(({ outcome }) => outcome)).toEqual([undefined, 'not-applied', undefined]);
        for (const error of failures) expectReason(error, endpoint!, says, LIMIT_MS);
      },
    );

    test('of a call of a view has them too', async () => {
      const failing = cases.map(async ([, options, says]) => {
        await using store = open({ ...options(), timeouts: { connectMs: 2 * VIEW_LIMIT_MS } });
        await using view = withPrefix(store, '/app/');
        const failures = await Promise.all([
          failure(view.get('x', { timeoutMs: VIEW_LIMIT_MS })),
          failure(readOnly(store).get('/x', { timeoutMs: VIEW_LIMIT_MS })),
        ]);
        for (const error of failures) {
          expect(error.outcome).toBeUndefined();
          expectReason(error, options().endpoints[0]!, says, VIEW_LIMIT_MS);
        }
      });
      await Promise.all(failing);
    });

    test('that is the default of a store says it too', async () => {
      const clock = virtualClock();
      await using store = open({
        endpoints: [`http://127.0.0.1:${nobody.port}`],
        timeouts: { requestMs: LIMIT_MS },
        clock,
      });
      const calls = [
        (limits: CallOptions) => store.get('/x', limits),
        (limits: CallOptions) => store.delete('/x', limits),
        (limits: CallOptions) => store.status(limits),
      ].map((call) => failingOnce((signal) => call({ signal })));
      await Promise.all(calls.map(({ failedOnce }) => failedOnce));
      await clock.advance(LIMIT_MS);
      for (const error of await Promise.all(calls.map((call) => call.error))) {
        expect(error).toMatchObject({
          code: 'timeout',
          message: expect.stringContaining('ECONNREFUSED'),
          cause: { code: 'unavailable', message: expect.stringContaining('ECONNREFUSED') },
        });
      }
    });

    test('that comes through a signal, and one of a mirror that starts, say it as well', async () => {
      const clock = virtualClock();
      await using store = open({ endpoints: [`http://127.0.0.1:${nobody.port}`], clock });
      const late = new AbortController();
      const read = failingOnce((signal) => store.get('/x', { signal }), late);
      await read.failedOnce;
      late.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
      expect(await read.error).toMatchObject({ code: 'aborted', message: expect.stringContaining('ECONNREFUSED') });
      const starting = failure(mirror(store, { prefix: '/app/', startTimeoutMs: LIMIT_MS, clock }));
      expect(await whileTimePasses(clock, starting)).toMatchObject({
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

/** What a call that was given up after so long says of why. */
function expectReason(error: StoreError, endpoint: string, says: RegExp, limitMs: number): void {
  // A failure that can't pass is told at once.
  if (error.code !== 'timeout') expect(error.code).toBe('unavailable');
  expect(error.message).toMatch(says);
  expect(error.message).toContain(endpoint);
  if (error.code !== 'timeout') return;
  expect(error.message).toContain(`${limitMs} ms (timeoutMs)`);
  expect(error.cause).toMatchObject({ code: 'unavailable', message: expect.stringMatching(says) });
  expect(error).toMatchObject({ endpoint, retryable: true });
}

function plainly(endpoint: string): string {
  return endpoint.replace('https:', 'http:');
}

async function pagesOf(store: ConfigStore, limits: CallOptions): Promise<void> {
  for await (const page of store.scan({ prefix: '/' }, limits)) void page.length;
}
