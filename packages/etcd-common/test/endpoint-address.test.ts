import { expect, test } from '@jest/globals';
import { parseEndpoint } from '@holdfast/etcd-common';

test.each([
  ['http://host', 'host:2379', 'host', false, undefined],
  ['http://host:1234/', 'host:1234', 'host', false, undefined],
  ['https://[::1]:2379', '[::1]:2379', '::1', true, undefined],
  ['unix:/run/etcd.sock', 'unix:/run/etcd.sock', '', false, '/run/etcd.sock'],
  ['unix:///run/etcd.sock', 'unix:/run/etcd.sock', '', false, '/run/etcd.sock'],
])('%s is an endpoint', (name, target, host, secure, socketPath) => {
  expect(parseEndpoint(name)).toEqual({ name, target, host, secure, socketPath });
});
