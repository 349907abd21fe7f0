import { describe, expect, test } from '@jest/globals';
import { meaningOf, toConnectError, toFailureError } from '../src/errors.js';
import { judge } from '../src/connection/retry.js';

const ENDPOINT = 'http://127.0.0.1:2379';

describe("etcd's errors in the contract's terms", () => {
  // gRPC's code, etcd's text, and what becomes of it: code, retryable, outcome of a write.
  test.each([
    [3, 'etcdserver: key is not provided', 'invalid-argument', false, 'not-applied'],
    [3, 'etcdserver: key not found', 'not-found', false, 'not-applied'],
    [3, 'etcdserver: value is provided', 'invalid-argument', false, 'not-applied'],
    [3, 'etcdserver: lease is provided', 'invalid-argument', false, 'not-applied'],
    [3, 'etcdserver: too many operations in txn request', 'too-large', false, 'not-applied'],
    [3, 'etcdserver: duplicate key given in txn request', 'invalid-argument', false, 'not-applied'],
    [3, 'etcdserver: invalid sort option', 'invalid-argument', false, 'not-applied'],
    [3, 'etcdserver: request is too large', 'too-large', false, 'not-applied'],
    [8, 'grpc: received message larger than max (3145733 vs. 2097152)', 'too-large', false, 'not-applied'],
    [11, 'etcdserver: mvcc: required revision has been compacted', 'compacted', false, 'not-applied'],
    [11, 'etcdserver: mvcc: required revision is a future revision', 'future-revision', false, 'not-applied'],
    [8, 'etcdserver: mvcc: database space exceeded', 'unavailable', false, 'unknown'],
    [5, 'etcdserver: requested lease not found', 'lease-not-found', false, 'not-applied'],
    [9, 'etcdserver: lease already exists', 'conflict', false, 'not-applied'],
    [11, 'etcdserver: too large lease TTL', 'invalid-argument', false, 'not-applied'],
    [7, 'etcdserver: permission denied', 'permission-denied', false, 'not-applied'],
    [16, 'etcdserver: invalid auth token', 'unauthenticated', false, 'not-applied'],
    [3, 'etcdserver: revision of auth store is old', 'unauthenticated', true, 'not-applied'],
    [2, 'auth: revision in header is old', 'unauthenticated', true, 'not-applied'],
    [3, 'etcdserver: user name is empty', 'unauthenticated', false, 'not-applied'],
    [9, 'etcdserver: user name not found', 'unauthenticated', false, 'not-applied'],
    [3, 'etcdserver: authentication failed, invalid user ID or password', 'unauthenticated', false, 'not-applied'],
    [9, 'etcdserver: authentication is not enabled', 'unsupported', false, 'not-applied'],
    [8, 'etcdserver: too many requests', 'unavailable', true, 'not-applied'],
    [14, 'etcdserver: no leader', 'unavailable', true, 'not-applied'],
    [9, 'etcdserver: not leader', 'unavailable', true, 'not-applied'],
    [14, 'etcdserver: rpc not supported for learner', 'unavailable', true, 'not-applied'],
    [14, 'etcdserver: not capable', 'unavailable', true, 'not-applied'],
    [14, 'etcdserver: unhealthy cluster', 'unavailable', true, 'not-applied'],
    [14, 'etcdserver: leader changed', 'unavailable', true, 'unknown'],
    [14, 'etcdserver: server stopped', 'unavailable', true, 'unknown'],
    [2, 'raft: stopped', 'unavailable', true, 'unknown'],
    [14, 'etcdserver: request timed out', 'unavailable', true, 'unknown'],
    [14, 'etcdserver: request timed out, possibly due to previous leader failure', 'unavailable', true, 'unknown'],
    [14, 'etcdserver: request timed out, possibly due to connection lost', 'unavailable', true, 'unknown'],
    [14, 'etcdserver: request timed out, waiting for the applied index took too long', 'unavailable', true, 'unknown'],
    [1, 'etcdserver: request cancelled', 'unavailable', true, 'unknown'],
    [2, 'context deadline exceeded', 'unavailable', true, 'unknown'],
    [15, 'etcdserver: corrupt cluster', 'internal', false, 'unknown'],
    [14, 'Connection dropped', 'unavailable', true, 'unknown'],
    [14, 'read ECONNRESET', 'unavailable', true, 'unknown'],
    [13, 'Received RST_STREAM with code 2 (Internal server error)', 'unavailable', true, 'unknown'],
    [4, 'Deadline exceeded', 'timeout', true, 'unknown'],
    [14, 'No connection established. Last error: connect ECONNREFUSED', 'unavailable', true, 'not-applied'],
    [14, 'Name resolution failed for target dns:nowhere:2379', 'unavailable', true, 'not-applied'],
    [14, 'Channel closed before call started', 'unavailable', true, 'not-applied'],
    [13, 'Failed to start HTTP/2 stream with error The session has been destroyed', 'unavailable', true, 'not-applied'],
    [14, 'Stream refused by server', 'unavailable', true, 'not-applied'],
    // Etcd's own, though their text is not known here.
    [2, 'etcdserver: something new', 'internal', false, 'unknown'],
    ...['constructor', 'toString', '__proto__'].map((name) => {
      return [2, `etcdserver: ${name}`, 'internal', false, 'unknown'] as const;
    }),
    [7, 'auth: something new', 'permission-denied', false, 'not-applied'],
    [16, 'auth: something new', 'unauthenticated', false, 'not-applied'],
    [3, 'etcdserver: something new', 'invalid-argument', false, 'not-applied'],
    [14, 'etcdserver: something new', 'unavailable', true, 'unknown'],
    [12, 'unknown method RangeStream for service etcdserverpb.KV', 'unsupported', false, 'not-applied'],
    // Any code, and etcd's own texts too, may come from a proxy, a mesh or another server: only with etcd's mark is it final.
    [12, 'unknown service etcdserverpb.KV', 'unavailable', true, 'unknown'],
    [12, 'unknown method Range for service other.Service', 'unavailable', true, 'unknown'],
    [7, 'permission denied', 'unavailable', true, 'unknown'],
    [7, 'RBAC: access denied', 'unavailable', true, 'unknown'],
    [16, 'Jwt is missing', 'unavailable', true, 'unknown'],
    [12, '', 'unavailable', true, 'unknown'],
    [3, 'invalid path', 'unavailable', true, 'unknown'],
    [5, 'no such host', 'unavailable', true, 'unknown'],
    [6, '', 'unavailable', true, 'unknown'],
    [8, 'rate limited', 'unavailable', true, 'unknown'],
    [9, 'upstream not ready', 'unavailable', true, 'unknown'],
    [10, 'aborted by fault injection', 'unavailable', true, 'unknown'],
    [11, 'out of range', 'unavailable', true, 'unknown'],
    [14, 'no healthy upstream', 'unavailable', true, 'unknown'],
    [15, 'data loss', 'unavailable', true, 'unknown'],
    [2, 'something that no etcd says', 'unavailable', true, 'unknown'],
    [99, '', 'unavailable', true, 'unknown'],
    [NaN, '', 'unavailable', true, 'unknown'],
    // HTTP's status codes, as gRPC tells them.
    ...[301, 400, 401, 403, 404, 405, 418, 500, 502, 503, 504].map(
      (status) => [2, `Received HTTP status code ${status}`, 'unavailable', true, 'unknown'] as const,
    ),
    // A rate limiter's, whatever code gRPC makes of it.
    ...[2, 14].map((code) => [code, 'Received HTTP status code 429', 'unavailable', true, 'not-applied'] as const),
    [2, 'Received HTTP status code 413', 'too-large', false, 'not-applied'],
    // An answer was there, and was no good.
    [8, 'Received message larger than max (2000 vs 1000)', 'too-large', false, 'unknown'],
    [8, 'Received message that decompresses to a size larger than 1000', 'too-large', false, 'unknown'],
    [13, 'Response message parsing error: index out of range: 3 + 4 > 5', 'internal', true, 'unknown'],
    [12, 'No message received', 'internal', true, 'unknown'],
    [12, 'Too many responses received', 'internal', true, 'unknown'],
  ])('%i %s is %s', (code, details, expected, retryable, outcome) => {
    const error = toFailureError({ code, details }, 'write', ENDPOINT);
    expect(error).toMatchObject({ code: expected, retryable, outcome, endpoint: ENDPOINT });
    expect(error.message).toContain(ENDPOINT);
    expect(error.message).toContain(details);
    // A read has no outcome.
    expect(toFailureError({ code, details }, 'read', ENDPOINT).outcome).toBeUndefined();
  });

  test('what is said in the place of etcd says so', () => {
    for (const details of ['Received HTTP status code 404', 'RBAC: access denied', '']) {
      expect(toFailureError({ code: 7, details }, 'read', ENDPOINT).message).toContain('check that gRPC is forwarded');
    }
  });

  test('a web page with status 200 is no answer of etcd, whatever its first bytes come to', () => {
    const details = 'Received message larger than max (1752460652 vs 1073741824)';
    const failure = { code: 8, details, contentType: 'text/html' };
    expect(toFailureError(failure, 'write', ENDPOINT)).toMatchObject({ code: 'unavailable', outcome: 'unknown' });
    expect(meaningOf({ ...failure, contentType: 'application/grpc' }).code).toBe('too-large');
    expect(meaningOf({ code: 7, details: 'etcdserver: permission denied', contentType: '' }).code).toBe('unavailable');
  });

  test("a server's text is escaped and cut", () => {
    const details = `\u001b[31m red\u009b ${'x'.repeat(30_000)}`;
    for (const { message } of [
      toFailureError({ code: 14, details }, 'read', ENDPOINT),
      toConnectError(details, ENDPOINT),
    ]) {
      expect(message).not.toMatch(/\p{Cc}/u);
      expect(message).toContain('[31m red');
      expect(message.length).toBeLessThan(700);
    }
  });

  test('that a request was not sent is known here, and never believed of an answer', () => {
    const failure = { code: 14, details: 'Stream refused by server' };
    expect(meaningOf(failure).outcome).toBe('not-applied');
    expect(meaningOf({ ...failure, contentType: 'application/grpc' }).outcome).toBe('unknown');
  });

  test.each([
    ['CERT_HAS_EXPIRED: certificate has expired', /expired/, false],
    ['CERT_NOT_YET_VALID: certificate is not yet valid', /clocks/, false],
    ['SELF_SIGNED_CERT_IN_CHAIN: self-signed certificate in certificate chain', /tls\.ca/, false],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE: unable to verify the first certificate', /tls\.ca/, false],
    ["ERR_TLS_CERT_ALTNAME_INVALID: Hostname/IP does not match certificate's altnames", /tls\.serverName/, false],
    ['tlsv13 alert certificate required', /tls\.cert/, false],
    [
      'sslv3 alert certificate expired:rec_layer_s3.c:1601:SSL alert number 45',
      /client certificate has expired/,
      false,
    ],
    ['sslv3 alert certificate unknown:rec_layer_s3.c:1601:SSL alert number 46', /tls\.cert/, false],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: tlsv1 alert unknown ca', /signed tls\.cert/, false],
    ['ERR_SSL_WRONG_VERSION_NUMBER: wrong version number', /http:\/\//, false],
    ['connect ECONNREFUSED 127.0.0.1:2379', /ECONNREFUSED/, true],
  ])('a connection that fails with %s says what to do', (reason, advice, retryable) => {
    const details = `No connection established. Last error: Error: ${reason} (2026-01-01T00:00:00.000Z). Resolution note: `;
    const error = toConnectError(details, ENDPOINT);
    expect(error).toMatchObject({ code: 'unavailable', endpoint: ENDPOINT, retryable });
    expect(error.message).toMatch(advice);
    expect(error.message).not.toContain('Resolution note');
  });

  test('a connection that is reset in the TLS handshake may be to a server without TLS, and others are not advised so', () => {
    const details = 'No connection established. Last error: Error: read ECONNRESET. Resolution note: ';
    expect(toConnectError(details, 'https://127.0.0.1:2379').message).toContain('write http://');
    expect(toConnectError(details, ENDPOINT).message).not.toContain('write');
  });
});

describe('whether a failed call is tried again', () => {
  const first = { made: 1, most: 3, renewed: undefined, others: true };
  const lost = meaningOf({ code: 14, details: 'Connection dropped' });
  const unsent = meaningOf({ code: 14, details: 'No connection established' });
  const badToken = meaningOf({ code: 16, details: 'etcdserver: invalid auth token' });
  const future = meaningOf({ code: 11, details: 'etcdserver: mvcc: required revision is a future revision' });
  const denied = meaningOf({ code: 7, details: 'etcdserver: permission denied' });

  test('one that met a change of users is, however often, with a new token: etcd looks before it applies a write', () => {
    for (const details of ['etcdserver: revision of auth store is old', 'auth: revision in header is old']) {
      const stale = meaningOf({ code: 2, details });
      expect(judge(stale, 'write', { ...first, renewed: false })).toBe('renew-token');
      expect(judge(stale, 'write', { ...first, made: 100, renewed: true })).toBe('renew-token-later');
    }
    expect(judge(badToken, 'read', { ...first, renewed: true })).toBe('fail');
  });

  test('a write that may have been applied never is (trap 9)', () => {
    expect(judge(lost, 'write', first)).toBe('fail');
    expect(judge(meaningOf({ code: 14, details: 'etcdserver: request timed out' }), 'write', first)).toBe('fail');
  });

  test('a read, and a write that was not sent, are: elsewhere at once, else after a delay', () => {
    expect(judge(lost, 'read', first)).toBe('elsewhere');
    expect(judge(unsent, 'write', first)).toBe('elsewhere');
    expect(judge(lost, 'read', { ...first, others: false })).toBe('later');
    expect(judge(lost, 'read', { ...first, made: 3 })).toBe('fail');
  });

  test('a token is renewed once, where there is a user', () => {
    expect(judge(badToken, 'write', first)).toBe('fail');
    expect(judge(badToken, 'write', { ...first, renewed: false })).toBe('renew-token');
    expect(judge(badToken, 'write', { ...first, renewed: true })).toBe('fail');
  });

  test('a future revision is looked for elsewhere, and not waited for', () => {
    expect(judge(future, 'read', first)).toBe('elsewhere');
    expect(judge(future, 'read', { ...first, others: false })).toBe('fail');
  });

  test('what the server refuses for good is not', () => {
    expect(judge(denied, 'read', first)).toBe('fail');
  });
});
