import { describe, expect, test } from '@jest/globals';
import { isStoreError, openStore } from '@holdfast/store';
import { certificateAuthority } from '@holdfast/testkit';
import { etcdV3, etcdV3Store, type EtcdV3Options } from '@holdfast/etcd-v3';

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

describe('options', () => {
  test.each<[string, unknown]>([
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
    ['tls', { endpoints, tls: { ca: 'x' } }],
    ['tls.key', { endpoints: secure, tls: { cert: 'x' } }],
    ['PEM', { endpoints: secure, tls: { ca: certificateAuthority().cert, cert: 'x', key: 'y' } }],
    ['path of a file', { endpoints: secure, tls: { ca: '/etc/ca.pem' } }],
    ['tls.ca', { endpoints: secure, tls: { ca: [certificateAuthority().cert, '/etc/ca.pem'] } }],
    ['"servername"', { endpoints: secure, tls: { servername: 'x' } }],
    ['headers', { endpoints, headers: { 'Upper-Case': 'x' } }],
    ['headers', { endpoints, headers: { token: 'x' } }],
    ['headers', { endpoints, headers: { name: 'line\nbreak' } }],
    ['timeouts.connectMs', { endpoints, timeouts: { connectMs: 0 } }],
    ['timeouts.requestMs', { endpoints, timeouts: { requestMs: -1 } }],
    ['keepalive.intervalMs', { endpoints, keepalive: { intervalMs: 1_000 } }],
    ['keepalive.timeoutMs', { endpoints, keepalive: { timeoutMs: Infinity } }],
    ['retry.attempts', { endpoints, retry: { attempts: 0 } }],
    ['retry.maxMs', { endpoints, retry: { maxMs: Number.NaN } }],
    ['watch.silenceMs', { endpoints, watch: { silenceMs: 0 } }],
    ['limits.maxRequestBytes', { endpoints, limits: { maxRequestBytes: 0.5 } }],
    ['identity.acceptAfterMs', { endpoints, identity: { acceptAfterMs: 0 } }],
    ['identity', { endpoints, identity: { acceptAfter: 60_000 } }],
    ['bufferBytes', { endpoints, bufferBytes: -1 }],
  ])('a bad one is refused, naming %s: %j', (named, options) => {
    expect(refusal(() => etcdV3Store(options as EtcdV3Options))).toContain(named);
  });

  test('a user and password in an endpoint are refused, and not repeated', () => {
    for (const endpoint of ['http://me:secret@host:2379', 'me:secret@host:2379']) {
      const message = refusal(() => etcdV3Store({ endpoints: [endpoint] }));
      expect(message).toContain('auth');
      expect(message).not.toContain('secret');
    }
  });

  test('making a store does no I/O, and closing it needs none', async () => {
    const store = etcdV3Store({ endpoints: ['http://nowhere.invalid:2379'] });
    await store.close();
    await expect(store.get('/x')).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('store URLs', () => {
  test('name several endpoints, a user, TLS and a prefix', async () => {
    const store = await openStore('etcd-v3://me:p%40ss@host:2379,other:2379/prefix?tls=true', { adapters: [etcdV3] });
    expect(store.name).toBe('etcd-v3');
    await store.close();
  });

  test.each(['etcd-v3:', 'etcd-v3://host?tsl=true', 'etcd-v3://host?tls=yes', 'etcd-v3://me@host'])(
    '%s is refused',
    async (url) => {
      await expect(openStore(url, { adapters: [etcdV3] })).rejects.toMatchObject({ code: 'invalid-argument' });
    },
  );
});
