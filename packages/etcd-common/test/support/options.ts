import { describe, expect, test } from '@jest/globals';
import { isStoreError, openStore } from '@holdfast/store';
import { certificateAuthority } from '@holdfast/testkit';
import type { EtcdOptions } from '@holdfast/etcd-common';
import type { EtcdAdapter } from './adapter.js';

const endpoints = ['http://127.0.0.1:2379'];
const secure = ['https://127.0.0.1:2379'];

function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (isStoreError(error, 'invalid-argument')) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

/** @param own options that this adapter alone refuses, each with a word that the refusal must name */
export function describeOptions(
  adapter: EtcdAdapter,
  own: readonly (readonly [named: string, options: object])[],
): void {
  const { scheme } = adapter.adapter;

  describe('options', () => {
    test.each<readonly [string, unknown]>([
      ['endpoints', undefined],
      ['takes an object with endpoints', null],
      ['takes an object with endpoints', endpoints],
      ['endpoints', {}],
      ['endpoints', { endpoints: [] }],
      ['endpoints', { endpoints: 'http://127.0.0.1:2379' }],
      ['endpoints', { endpoints: [...endpoints, ...endpoints] }],
      ['endpoint', { endpoints: ['127.0.0.1:2379'] }],
      ['endpoint', { endpoints: ['ftp://127.0.0.1:2379'] }],
      ['endpoint', { endpoints: ['http://127.0.0.1:2379/path'] }],
      ['endpoint', { endpoints: ['http://127.0.0.1:99999'] }],
      ['endpoint', { endpoints: ['http://'] }],
      ['unix:', { endpoints: ['unix:'] }],
      ['"endpoint"', { endpoints, endpoint: 'misspelt' }],
      ['auth', { endpoints, auth: { username: '', password: '' } }],
      ['auth', { endpoints, auth: { username: 'me' } }],
      ['auth', { endpoints, auth: 'me:secret' }],
      ['tls', { endpoints, tls: { ca: 'x' } }],
      ['tls.key', { endpoints: secure, tls: { cert: 'x' } }],
      ['PEM', { endpoints: secure, tls: { ca: certificateAuthority().cert, cert: 'x', key: 'y' } }],
      ['path of a file', { endpoints: secure, tls: { ca: '/etc/ca.pem' } }],
      ['tls.ca', { endpoints: secure, tls: { ca: [certificateAuthority().cert, '/etc/ca.pem'] } }],
      ['"servername"', { endpoints: secure, tls: { servername: 'x' } }],
      ['headers', { endpoints, headers: { name: 'line\nbreak' } }],
      ['timeouts.connectMs', { endpoints, timeouts: { connectMs: 0 } }],
      ['timeouts.requestMs', { endpoints, timeouts: { requestMs: -1 } }],
      ['timeouts has no option "connect"', { endpoints, timeouts: { connect: 1 } }],
      ['timeouts takes an object with connectMs, requestMs', { endpoints, timeouts: 5_000 }],
      ['keepalive.intervalMs', { endpoints, keepalive: { intervalMs: 0 } }],
      ['keepalive.timeoutMs', { endpoints, keepalive: { timeoutMs: Infinity } }],
      ['keepalive has no option "interval"', { endpoints, keepalive: { interval: 10_000 } }],
      ['keepalive takes an object', { endpoints, keepalive: true }],
      ['retry.attempts', { endpoints, retry: { attempts: 0 } }],
      ['retry.maxMs', { endpoints, retry: { maxMs: Number.NaN } }],
      ['retry has no option "delay"', { endpoints, retry: { delay: 1 } }],
      ['maxResponseBytes', { endpoints, maxResponseBytes: 0.5 }],
      ['identity.acceptAfterMs', { endpoints, identity: { acceptAfterMs: 0 } }],
      ['identity', { endpoints, identity: { acceptAfter: 60_000 } }],
      ['bufferBytes', { endpoints, bufferBytes: -1 }],
      ...own.map(([named, options]) => [named, { endpoints, ...options }] as const),
    ])('a bad one is refused, naming %s: %j', (named, options) => {
      expect(refusal(() => adapter.open(options as EtcdOptions))).toContain(named);
    });

    test('a user and password in an endpoint are refused, and not repeated', () => {
      for (const endpoint of ['http://me:secret@host:2379', 'me:secret@host:2379']) {
        const message = refusal(() => adapter.open({ endpoints: [endpoint] }));
        expect(message).toContain('auth');
        expect(message).not.toContain('secret');
      }
    });

    test('making a store does no I/O, and closing it needs none', async () => {
      const store = adapter.open({ endpoints: ['http://nowhere.invalid:2379'] });
      await store.close();
      await expect(store.get('/x')).rejects.toMatchObject({ code: 'closed' });
    });
  });

  describe('store URLs', () => {
    test('name several endpoints, a user, TLS and a prefix', async () => {
      const url = `${scheme}://me:p%40ss@host:2379,other:2379/prefix?tls=true`;
      const store = await openStore(url, { adapters: [adapter.adapter] });
      expect(store.name).toBe(scheme);
      await store.close();
    });

    test.each([`${scheme}:`, `${scheme}://host?tsl=true`, `${scheme}://host?tls=yes`, `${scheme}://me@host`])(
      '%s is refused',
      async (url) => {
        await expect(openStore(url, { adapters: [adapter.adapter] })).rejects.toMatchObject({
          code: 'invalid-argument',
        });
      },
    );
  });
}
