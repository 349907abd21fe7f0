import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Range } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { describeOptions } from '../../etcd-common/test/support/options.js';
import { exactDirectory, keyPath, locate } from '../src/json/key-path.js';
import { ADAPTER } from './support/adapter.js';

describeOptions(ADAPTER, [
  ['colon', { auth: { username: 'me:too', password: 'x' } }],
  ['headers', { headers: { 'no spaces': 'x' } }],
  ['headers', { headers: { Authorization: 'x' } }],
  ['"watch"', { watch: { silenceMs: 1_000 } }],
]);

describe('endpoints', () => {
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
    // Its user may have permissions for the directory above it only.
    ['/a/', '/v2/keys/a/_', false],
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
