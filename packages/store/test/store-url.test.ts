import { describe, expect, test } from '@jest/globals';
import { parseStoreUrl, urlParams } from '@holdfast/store/adapter';
import { thrown } from './support/thrown.js';

describe('store URLs', () => {
  test.each([
    ['memory:', { scheme: 'memory', endpoints: [], prefix: undefined }],
    ['etcd-v3://127.0.0.1:2379', { endpoints: ['127.0.0.1:2379'], prefix: undefined }],
    ['etcd-v3://a:1,b:2,[::1]:3/app', { endpoints: ['a:1', 'b:2', '[::1]:3'], prefix: '/app' }],
    ['etcd-v3://a:1/', { prefix: undefined }],
    ['etcd-v3://a:1/app/', { prefix: '/app/' }],
    ['etcd-v3://a:1/caf%C3%A9?x=1', { prefix: '/café' }],
    ['ETCD-V2://a', { scheme: 'etcd-v2', endpoints: ['a'] }],
    ['etcd-v3://user:p%40ss@a:1', { username: 'user', password: 'p@ss', endpoints: ['a:1'] }],
    ['etcd-v3://user@a:1', { username: 'user' }],
  ])('%s', (url, expected) => {
    expect(parseStoreUrl(url)).toMatchObject(expected);
  });

  test('options come as parameters', () => {
    expect(parseStoreUrl('etcd-v3://a?timeoutMs=5&x=y').params.get('x')).toBe('y');
  });

  test.each(['', 'no scheme', '://a', 'etcd-v3://a,,b', 'etcd-v3://a/%zz'])('%p is refused', async (url) => {
    expect((await thrown(() => parseStoreUrl(url))).code).toBe('invalid-argument');
  });

  test('an error never repeats the password', async () => {
    const error = await thrown(() => parseStoreUrl('etcd-v3://user:s3cret@a,,b'));
    expect(error.message).not.toContain('s3cret');
  });

  test('a prefix may be a parameter, of every URL', () => {
    expect(parseStoreUrl('memory:?prefix=/app/&x=1')).toMatchObject({ prefix: '/app/' });
    expect(parseStoreUrl('memory:?prefix=/app/&x=1').params.toString()).toBe('x=1');
    expect(parseStoreUrl('folder:./data?prefix=/app/', 'own')).toMatchObject({ path: './data', prefix: '/app/' });
    expect(parseStoreUrl('files:///etc/app', 'own')).toMatchObject({
      path: '/etc/app',
      prefix: undefined,
      endpoints: [],
    });
  });

  test('the whole URL is there for adapters that hand it on', () => {
    const href = 'postgres://u:p%40ss@h:1/db';
    expect(parseStoreUrl(href, 'own').href).toBe(href);
  });

  test.each(['memory:/a?prefix=/b', 'memory:?prefix=/a&prefix=/b'])('%s has two prefixes', async (url) => {
    expect((await thrown(() => parseStoreUrl(url))).message).toMatch(/two prefixes/);
  });

  test.each([
    'etcd-v3://root:a?PW@h:2379',
    'etcd-v3://root:a/PW@h:2379',
    'etcd-v3://root:a@PW@h:2379',
    'etcd-v3://root:1/PW@h:2379',
    'etcd-v3://root:a%PW@h:2379',
    'etcd-v3://root%PW:a@h:2379',
    'etcd-v3://root:a@h:2379/x@PW',
    'etcd-v3://root:PW',
    'etcd-v3://h:1,root:PW/x',
  ])('%s: a password that has to be encoded is told how, and never repeated', async (url) => {
    const { code, message } = await thrown(() => parseStoreUrl(url));
    expect(code).toBe('invalid-argument');
    expect(message).toMatch(/%40.*%2F.*%3F.*encodeURIComponent/);
    expect(message).not.toContain('PW');
  });

  test.each([undefined, null, 5, {}, new URL('memory:'), Promise.resolve('memory:')])('%p is no URL', async (url) => {
    expect(await thrown(() => parseStoreUrl(url as string))).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/a store URL is a string such as etcd-v3:/),
    });
  });
});

describe("a URL's parameters", () => {
  test('are taken by name', () => {
    expect(urlParams(parseStoreUrl('x://a?ca=1&key=2'), ['ca', 'key', 'tls'], '')).toEqual({ ca: '1', key: '2' });
  });

  test.each([
    ['x://a?cca=1', /no parameter "cca"; it takes prefix, ca, and ask/],
    ['x://a?ca=1&ca=2', /ca twice/],
    ['x://a?ca=', /ca .* is empty/],
  ])('%s is refused', async (url, said) => {
    expect((await thrown(() => urlParams(parseStoreUrl(url), ['ca'], 'ask'))).message).toMatch(said);
  });

  test.each(['x://root:1?PW@h', 'x://root:1?PW=a@h', 'x://root:1?a=1&PW=@h'])(
    '%s may be a password, which is never repeated',
    async (url) => {
      const { message } = await thrown(() => urlParams(parseStoreUrl(url), ['ca'], 'ask'));
      expect(message).toMatch(/%3F/);
      expect(message).not.toContain('PW');
    },
  );
});
