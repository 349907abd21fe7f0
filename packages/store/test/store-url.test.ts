import { describe, expect, test } from '@jest/globals';
import { parseStoreUrl } from '@holdfast/store/adapter';
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
});
