import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { isStoreError, openStore, type Range } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { certificateAuthority } from '@holdfast/testkit';
import { etcdV2, etcdV2Store, type EtcdV2Options } from '@holdfast/etcd-v2';
import { exactDirectory, keyPath, locate } from '../src/json/key-path.js';

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
    ['colon', { endpoints, auth: { username: 'me:too', password: 'x' } }],
    ['tls', { endpoints, tls: { ca: 'x' } }],
    ['tls.key', { endpoints: secure, tls: { cert: 'x' } }],
    ['PEM', { endpoints: secure, tls: { ca: certificateAuthority().cert, cert: 'x', key: 'y' } }],
    ['path of a file', { endpoints: secure, tls: { ca: '/etc/ca.pem' } }],
    ['"servername"', { endpoints: secure, tls: { servername: 'x' } }],
    ['headers', { endpoints, headers: { 'no spaces': 'x' } }],
    ['headers', { endpoints, headers: { Authorization: 'x' } }],
    ['headers', { endpoints, headers: { name: 'line\nbreak' } }],
    ['timeouts.connectMs', { endpoints, timeouts: { connectMs: 0 } }],
    ['timeouts.requestMs', { endpoints, timeouts: { requestMs: -1 } }],
    ['keepalive.intervalMs', { endpoints, keepalive: { intervalMs: 0 } }],
    ['keepalive.timeoutMs', { endpoints, keepalive: { timeoutMs: Infinity } }],
    ['retry.attempts', { endpoints, retry: { attempts: 0 } }],
    ['retry.maxMs', { endpoints, retry: { maxMs: Number.NaN } }],
    ['bufferBytes', { endpoints, bufferBytes: -1 }],
  ])('a bad one is refused, naming %s: %j', (named, options) => {
    expect(refusal(() => etcdV2Store(options as EtcdV2Options))).toContain(named);
  });

  test('a user and password in an endpoint are refused, and not repeated', () => {
    for (const endpoint of ['http://me:secret@host:2379', 'me:secret@host:2379']) {
      const message = refusal(() => etcdV2Store({ endpoints: [endpoint] }));
      expect(message).toContain('auth');
      expect(message).not.toContain('secret');
    }
  });

  test('making a store does no I/O, and closing it needs none', async () => {
    const store = etcdV2Store({ endpoints: ['http://nowhere.invalid:2379'] });
    await store.close();
    await expect(store.get('/x')).rejects.toMatchObject({ code: 'closed' });
  });

  test('a unix socket is an endpoint as any', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-'));
    const path = join(folder, 'etcd.sock');
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'x-etcd-index': '7', 'x-etcd-cluster-id': 'abc' });
      response.end('{"action":"get","node":{"key":"/a","value":"1","modifiedIndex":5,"createdIndex":5}}');
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const store = etcdV2Store({ endpoints: [`unix:${path}`] });
    expect(await store.get('/a')).toMatchObject({ key: '/a', modRevision: 5 });
    await store.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  test('an endpoint that is no etcd is said to be none', async () => {
    const server = createServer((_request, response) => response.end('<html>It works!</html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address() as { port: number };
    const store = etcdV2Store({ endpoints: [`http://127.0.0.1:${address.port}`] });
    await expect(store.get('/a')).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    await expect(store.put('/a', '1')).rejects.toMatchObject({ code: 'unavailable', outcome: 'not-applied' });
    await store.close();
    server.close();
  });
});

describe('store URLs', () => {
  test('name several endpoints, a user, TLS and a prefix', async () => {
    const store = await openStore('etcd-v2://me:p%40ss@host:2379,other:2379/prefix?tls=true', { adapters: [etcdV2] });
    expect(store.name).toBe('etcd-v2');
    await store.close();
  });

  test.each(['etcd-v2:', 'etcd-v2://host?tsl=true', 'etcd-v2://host?tls=yes', 'etcd-v2://me@host'])(
    '%s is refused',
    async (url) => {
      await expect(openStore(url, { adapters: [etcdV2] })).rejects.toMatchObject({ code: 'invalid-argument' });
    },
  );
});

describe('where a range is read', () => {
  test.each<[Range, string, boolean]>([
    ['/a/b', '/v2/keys/a/b', false],
    [{ prefix: '' }, '/v2/keys/', true],
    [{ prefix: '/' }, '/v2/keys/', true],
    [{ prefix: '/a' }, '/v2/keys/', true],
    [{ prefix: '/a/' }, '/v2/keys/a/', true],
    [{ prefix: '/a/b' }, '/v2/keys/a/', true],
    [{ prefix: '/ä %/' }, '/v2/keys/%C3%A4%20%25/', true],
    [{ start: '/a/b', end: '/a/d' }, '/v2/keys/a/', true],
    [{ start: '/a/b/c', end: '/a/b/c0' }, '/v2/keys/a/b/', true],
    [{ start: '/a/b' }, '/v2/keys/', true],
    [{ start: '/é/a', end: '/é/b' }, '/v2/keys/%C3%A9/', true],
    // Nothing that v2 can store lies in these.
    [{ prefix: 'a' }, '/v2/keys/_/_', false],
    [{ prefix: '/a//' }, '/v2/keys/_/_', false],
    [{ prefix: '/a/../' }, '/v2/keys/_/_', false],
    [{ prefix: '/_a/' }, '/v2/keys/_/_', false],
    ['/a/', '/v2/keys/_/_', false],
  ])('%j is at %s', (range, path, recursive) => {
    expect(locate(KeyRange.from(range))).toMatchObject({ path, recursive });
  });

  test('only a prefix that ends with a slash is a directory', () => {
    expect(exactDirectory(KeyRange.from({ prefix: '/a/b/' }))).toBe('/a/b');
    for (const range of [
      { prefix: '/' },
      { prefix: '' },
      { prefix: '/a' },
      { prefix: '/a//' },
      '/a/',
      { start: '/a/', end: '/a0' },
    ]) {
      expect(exactDirectory(KeyRange.from(range))).toBeUndefined();
    }
  });

  test('no character of a key changes what is asked for', () => {
    expect(keyPath('/a b/?#&=+%/ü')).toBe('/v2/keys/a%20b/%3F%23%26%3D%2B%25/%C3%BC');
  });
});
