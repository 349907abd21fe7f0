import { expect, test } from '@jest/globals';
import { parseEndpoint } from '@holdfast/etcd-common';
import { parseEndpoints } from '../src/endpoint-address.js';

test.each([
  ['http://host', 'host:2379', 'host', false, undefined],
  ['http://host:1234/', 'host:1234', 'host', false, undefined],
  ['http://Host:02379', 'host:2379', 'Host', false, undefined],
  ['https://[::1]:2379', '[::1]:2379', '::1', true, undefined],
  ['unix:/run/etcd.sock', 'unix:/run/etcd.sock', '', false, '/run/etcd.sock'],
  ['unix:///run/etcd.sock', 'unix:/run/etcd.sock', '', false, '/run/etcd.sock'],
])('%s is an endpoint', (name, target, host, secure, socketPath) => {
  expect(parseEndpoint(name)).toEqual({ name, target, host, secure, socketPath });
});

test.each([
  ['http://host', 'http://host:2379/'],
  ['http://host:2379', 'http://HOST:2379'],
  ['http://host:2379', 'http://host:02379'],
  ['https://[fe80::a]', 'https://[FE80::A]'],
])('%s and %s are one member, which has one vote', (one, other) => {
  expect(() => parseEndpoints([one, 'http://third', other])).toThrow(/names one server twice/);
});
