import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isStoreError, type CompactedError, type StoreErrorCode } from '@holdfast/store';
import { availableEtcds, startEtcd } from '@holdfast/testkit';
import { etcdV2Store } from '@holdfast/etcd-v2';
import {
  connectionMeaning,
  type HttpFailure,
  meaningOf,
  toConnectionError,
  toFailureError,
  V2_ERRORS,
} from '../src/errors.js';
import { World } from './support/world.js';

const at = 'http://127.0.0.1:2379';

describe.each(availableEtcds({ api: 'v2' }))('errors that etcd $version answers with', ({ version }) => {
  let world: World;

  beforeAll(async () => {
    world = await World.start(version);
    await world.raw('PUT', '/file', { value: 'x' });
    await world.raw('PUT', '/dir/a', { value: 'x' });
  });
  afterAll(() => world.close());

  // From the server itself, whichever way the adapter would come to ask for it.
  test.each<[number, StoreErrorCode, 'GET' | 'PUT' | 'DELETE', string, Record<string, string> | undefined]>([
    [100, 'not-found', 'GET', '/none', undefined],
    [101, 'conflict', 'PUT', '/file', { value: 'y', prevValue: 'z' }],
    [102, 'invalid-argument', 'PUT', '/dir', { value: 'y' }],
    [104, 'invalid-argument', 'PUT', '/file/below', { value: 'y' }],
    [105, 'conflict', 'PUT', '/file', { value: 'y', prevExist: 'false' }],
    [107, 'invalid-argument', 'DELETE', '/?recursive=true', undefined],
    [108, 'invalid-argument', 'DELETE', '/dir?dir=true', undefined],
    [201, 'invalid-argument', 'PUT', '/file', { value: 'y', prevValue: '' }],
    [202, 'invalid-argument', 'PUT', '/file', { value: 'y', ttl: 'x' }],
    [203, 'invalid-argument', 'GET', '/file?wait=true&waitIndex=x', undefined],
    [209, 'invalid-argument', 'GET', '/file?quorum=maybe', undefined],
    [210, 'invalid-argument', 'PUT', '/file?value=%zz', { ttl: '1' }],
    [211, 'invalid-argument', 'PUT', '/file', { value: 'y', ttl: '1', refresh: 'true' }],
    [212, 'invalid-argument', 'PUT', '/file', { refresh: 'true' }],
  ])('%i is %s, and a write was not applied', async (errorCode, code, method, path, form) => {
    const { status, body } = await world.raw(method, path, form);
    expect(JSON.parse(body)).toMatchObject({ errorCode });
    const error = toFailureError({ status, body, from: 'keys' }, 'write', at);
    expect(error).toMatchObject({ code, retryable: false, outcome: 'not-applied', endpoint: at });
    expect(error.message).toContain(`errorCode ${errorCode}`);
  });

  test('401 is CompactedError, with the oldest index that is left and the head', async () => {
    await world.burst(1_100, (index) => `/history/${index % 10}`);
    const { status, body, index } = await world.raw('GET', '/file?wait=true&waitIndex=1');
    const error = toFailureError({ status, body, from: 'keys' }, 'read', at);
    expect(isStoreError(error, 'compacted')).toBe(true);
    expect(error).toMatchObject({ compactRevision: index - 999, revision: index, retryable: false });
    expect(error.outcome).toBeUndefined();
  });

  test('300 is unavailable, retryable, and leaves open whether a write was applied', async () => {
    await using cluster = await World.start(version, { nodes: 3 });
    const leader = await cluster.etcd.leader();
    const [follower] = cluster.etcd.members.filter((member) => member !== leader);
    const store = cluster.open({ endpoints: [follower?.endpoint ?? ''], retry: { attempts: 1 } });
    await store.put('/a', '1');
    for (const member of cluster.etcd.members) if (member !== follower) await member.kill();
    const error = await store.put('/a', '2').catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'unavailable',
      retryable: true,
      outcome: 'unknown',
      endpoint: follower?.endpoint,
    });
    expect((error as Error).message).toContain('errorCode 300');
  });

  test('an etcd without the v2 API says how to get it', async () => {
    await using etcd = await startEtcd({ version });
    const store = etcdV2Store({ endpoints: etcd.endpoints });
    const error = await store.put('/a', '1').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'unsupported', outcome: 'not-applied', endpoint: etcd.endpoints[0] });
    expect((error as Error).message).toContain('--enable-v2');
    await store.close();
  });
});

// What etcd 3.4 and 3.5 have a code for and never send, as etcd 2 answered it (`error/error.go` of etcd 2.3).
describe('errors that no server that is tested with emits, from recorded answers', () => {
  test.each<[number, StoreErrorCode, boolean, string]>([
    [103, 'invalid-argument', false, 'Reached the max number of peers in the cluster'],
    [106, 'invalid-argument', false, 'The prefix of given key is a keyword in etcd'],
    [109, 'conflict', false, 'Peer address has existed'],
    [110, 'unauthenticated', false, 'The request requires user authentication'],
    [200, 'invalid-argument', false, 'Value is Required in POST form'],
    [204, 'invalid-argument', false, 'Value or TTL is required in POST form'],
    [205, 'invalid-argument', false, 'The given timeout in POST form is not a number'],
    [206, 'invalid-argument', false, 'Name is required in POST form'],
    [207, 'invalid-argument', false, 'Index or value is required'],
    [208, 'invalid-argument', false, 'Index and value cannot both be specified'],
    [301, 'unavailable', true, 'During Leader Election'],
    [400, 'unavailable', true, 'watcher is cleared due to etcd recovery'],
    [402, 'internal', true, 'Standby Internal Error'],
    [403, 'internal', true, 'Invalid active size'],
    [404, 'internal', true, 'Standby remove delay'],
    [500, 'internal', true, 'Client Internal Error'],
  ])('%i is %s', (errorCode, code, retryable, message) => {
    const body = JSON.stringify({ errorCode, message, cause: '/x', index: 7 });
    const error = toFailureError({ status: 400, body, from: 'keys' }, 'write', at);
    expect(error).toMatchObject({ code, retryable, endpoint: at });
    expect(error.message.startsWith(`${at}: ${message} (/x) (errorCode ${errorCode})`)).toBe(true);
    expect(error.outcome).toBe(code === 'unavailable' || code === 'internal' ? 'unknown' : 'not-applied');
  });

  test('a 401 without its range falls back to the index', () => {
    const body = JSON.stringify({ errorCode: 401, message: 'outdated', index: 77 });
    const error = toFailureError({ status: 400, body, from: 'keys' }, 'read', at) as CompactedError;
    expect([error.compactRevision, error.revision]).toEqual([77, 77]);
  });

  test('every code of etcd is in the table, and one that is not is internal', () => {
    const codes = [
      ...Array.from({ length: 11 }, (_, index) => 100 + index),
      ...Array.from({ length: 13 }, (_, index) => 200 + index),
      ...[300, 301, 400, 401, 402, 403, 404, 500],
    ];
    expect(Object.keys(V2_ERRORS).map(Number)).toEqual(codes);
    const body = '{"errorCode":999,"message":"?","index":1}';
    expect(meaningOf({ status: 400, body, from: 'keys' }, 'write')).toMatchObject({
      code: 'internal',
      outcome: 'unknown',
      retryable: true,
    });
  });
});

describe('what else an HTTP server may answer', () => {
  test.each<[number, string, HttpFailure['from'], StoreErrorCode, 'unknown' | 'not-applied']>([
    [401, '{"message":"Insufficient credentials"}', 'members', 'unauthenticated', 'not-applied'],
    [409, '{"message":"member exists"}', 'members', 'conflict', 'not-applied'],
    [413, '<html>413 Request Entity Too Large</html>', 'other', 'too-large', 'not-applied'],
    [414, '<html>414 Request-URI Too Large</html>', 'other', 'too-large', 'not-applied'],
    [431, '431 Request Header Fields Too Large', 'other', 'too-large', 'not-applied'],
    [400, '<html>400 Request Header Or Cookie Too Large</html>', 'other', 'too-large', 'not-applied'],
    [429, 'slow down', 'other', 'unavailable', 'not-applied'],
    [502, '<html>502 Bad Gateway</html>', 'other', 'unavailable', 'unknown'],
    [503, '{"message":"During election"}', 'members', 'unavailable', 'unknown'],
    [504, '', 'other', 'unavailable', 'unknown'],
    [400, 'Client sent an HTTP request to an HTTPS server.\n', 'other', 'unavailable', 'not-applied'],
    [418, "I'm a teapot", 'other', 'unavailable', 'unknown'],
    // A gateway may have passed the write on before it says so.
    [403, '{"message":"Forbidden"}', 'other', 'unavailable', 'unknown'],
    [404, '404 page not found\n', 'other', 'unavailable', 'unknown'],
    [405, 'Method Not Allowed', 'other', 'unavailable', 'unknown'],
  ])('%i %s', (status, body, from, code, outcome) => {
    const error = toFailureError({ status, body, from }, 'write', at);
    expect(error).toMatchObject({ code, outcome });
    expect(error.message).toContain(`HTTP ${status}`);
    expect(error.message.length).toBeLessThan(500);
  });

  test('a page of a proxy is repeated in one short line, without control characters', () => {
    const body = `<html>\u001b[31m\u009b2J\u202e\r\n${'x'.repeat(100_000)}`;
    const { message } = toFailureError({ status: 502, body, from: 'other' }, 'read', at);
    expect(message.length).toBeLessThan(400);
    expect(message).toContain('\\u{1b}[31m\\u{9b}2J\\u{202e}');
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('connections that fail', () => {
  const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code });

  test('before anything was sent a write was not applied; after it nobody knows', () => {
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'UND_ERR_SOCKET', 'EPIPE', 'ETIMEDOUT']) {
      expect(connectionMeaning(coded(code), false)).toMatchObject({ retryable: true, outcome: 'not-applied' });
      expect(connectionMeaning(coded(code), true)).toMatchObject({ retryable: true, outcome: 'unknown' });
    }
  });

  test.each([
    ['CERT_HAS_EXPIRED', 'expired'],
    ['CERT_NOT_YET_VALID', 'not valid yet'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls.ca'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls.ca'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls.ca'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls.serverName'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls.cert'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'tls.cert'],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'client certificate has expired'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'authority that signed tls.cert'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'http://'],
  ])('%s says %s, is not retryable, and a write was not applied', (code, advice) => {
    const error = toConnectionError(coded(code, 'openssl said so'), 'write', at, false);
    expect(error).toMatchObject({ code: 'unavailable', retryable: false, outcome: 'not-applied', endpoint: at });
    expect(error.message).toContain(advice);
    expect(error.message).toContain('openssl said so');
  });

  test('the addresses of one host that all failed are all named', () => {
    const both = new AggregateError([
      coded('ECONNREFUSED', 'refused by ::1'),
      coded('ECONNREFUSED', 'refused by 127.0.0.1'),
    ]);
    expect(toConnectionError(both, 'read', at, false).message).toContain('refused by ::1, refused by 127.0.0.1');
  });
});
