import { StoreError, type StoreErrorCode, type WriteOutcome } from '@holdfast/store';
import { status as GrpcStatus } from '@grpc/grpc-js';

/** What gRPC says of a failed call: the parts of its `ServiceError` that matter. */
export interface GrpcFailure {
  readonly code: number;
  readonly details: string;
}

/** A failure in the terms of the contract, before it is known which call it happened to. */
export interface Meaning {
  readonly code: StoreErrorCode;
  readonly retryable: boolean;
  /** What it means for a write (C7). `'not-applied'` only where the server refuses before it changes anything. */
  readonly outcome: WriteOutcome;
  /** Whether the endpoint itself is in trouble, so that others should be preferred for a while. */
  readonly unhealthy?: boolean;
  /** Whether a new auth token makes the same call succeed. */
  readonly renewToken?: boolean;
  /** What to do next, where the server's own words don't say. */
  readonly advice?: string;
}

const refused = (code: StoreErrorCode, advice?: string): Meaning => ({
  code,
  retryable: false,
  outcome: 'not-applied',
  ...(advice === undefined ? {} : { advice }),
});
const renew = (code: StoreErrorCode): Meaning => ({ ...refused(code), renewToken: true });
const passing = (outcome: WriteOutcome): Meaning => ({
  code: 'unavailable',
  retryable: true,
  outcome,
  unhealthy: true,
});

/**
 * Etcd's own errors by the text that both 3.4 and 3.5 send (`api/v3rpc/rpctypes/error.go`, after `etcdserver: `). The
 * texts are part of etcd's API: its Go client, too, tells errors apart by them.
 */
const ETCD_ERRORS: Readonly<Record<string, Meaning>> = {
  'key is not provided': refused('invalid-argument'),
  'key not found': refused('not-found', 'ignoreValue and ignoreLease need a key that is there'),
  'value is provided': refused('invalid-argument'),
  'lease is provided': refused('invalid-argument'),
  'too many operations in txn request': refused('too-large', 'split the transaction, or raise --max-txn-ops'),
  'duplicate key given in txn request': refused('invalid-argument', 'a transaction may write a key once'),
  'invalid sort option': refused('invalid-argument'),
  'request is too large': refused('too-large', 'the server takes 1.5 MiB unless --max-request-bytes says otherwise'),
  'mvcc: required revision has been compacted': refused('compacted'),
  'mvcc: required revision is a future revision': refused('future-revision'),
  // Told both before a write and after one that was applied and filled the quota up (quotaApplierV3).
  'mvcc: database space exceeded': {
    code: 'unavailable',
    retryable: false,
    outcome: 'unknown',
    advice: 'compact and defragment etcd, then disarm its alarm, or raise --quota-backend-bytes',
  },
  'requested lease not found': refused('lease-not-found'),
  'lease already exists': refused('conflict'),
  'too large lease TTL': refused('invalid-argument', 'etcd takes 9,000,000,000 seconds at most'),
  'permission denied': refused('permission-denied', "grant the user's role access to the key or range"),
  'invalid auth token': renew('unauthenticated'),
  'revision of auth store is old': renew('unauthenticated'),
  // The server has authentication on, and the call carried no token.
  'user name is empty': renew('unauthenticated'),
  'authentication failed, invalid user ID or password': refused('unauthenticated', 'check the option auth'),
  'user name not found': refused('unauthenticated', 'check the option auth'),
  'authentication is not enabled': refused('unsupported', 'leave the option auth out'),
  'invalid auth management': refused('invalid-argument'),
  'too many requests': { ...passing('not-applied'), unhealthy: false },
  'no leader': passing('not-applied'),
  'not leader': passing('not-applied'),
  'rpc not supported for learner': passing('not-applied'),
  'learner not ready': passing('not-applied'),
  'not capable': passing('not-applied'),
  'unhealthy cluster': passing('not-applied'),
  'leader changed': passing('unknown'),
  'server stopped': passing('unknown'),
  'request timed out': passing('unknown'),
  'request timed out, possibly due to previous leader failure': passing('unknown'),
  'request timed out, possibly due to connection lost': passing('unknown'),
  'request timed out, waiting for the applied index took too long': passing('unknown'),
  'request cancelled': { ...passing('unknown'), unhealthy: false },
  // Go's own text, with gRPC's UNKNOWN: a member that has no leader to hand a write to gives up like that (seen on 3.4.23).
  'context deadline exceeded': passing('unknown'),
  'corrupt cluster': {
    code: 'internal',
    retryable: false,
    outcome: 'unknown',
    unhealthy: true,
    advice: 'repair the member that raised the alarm',
  },
};

/**
 * What gRPC itself says when a request never left this process, so that a write was certainly not applied. Anything
 * that is not recognised here counts as possibly sent.
 */
const NEVER_SENT: readonly RegExp[] = [
  /^No connection established/,
  /^Name resolution failed/,
  /^Channel closed before call started/,
  /^Failed to start HTTP\/2 stream/,
  // The server refuses a stream before it looks at it (HTTP/2's REFUSED_STREAM).
  /^Stream refused by server/,
];

/** A request that grew past the server's or this client's gRPC limit was not looked at. */
const OVERSIZED = /(?:received|sent) message larger than max|Received message larger than max/i;

const BY_STATUS: Readonly<Partial<Record<GrpcStatus, Meaning>>> = {
  [GrpcStatus.UNAVAILABLE]: passing('unknown'),
  [GrpcStatus.DEADLINE_EXCEEDED]: { ...passing('unknown'), code: 'timeout' },
  [GrpcStatus.CANCELLED]: { ...passing('unknown'), unhealthy: false },
  [GrpcStatus.RESOURCE_EXHAUSTED]: passing('unknown'),
  [GrpcStatus.ABORTED]: passing('unknown'),
  // What a connection that breaks inside a frame looks like, beside real faults of either side.
  [GrpcStatus.INTERNAL]: passing('unknown'),
  [GrpcStatus.UNKNOWN]: { code: 'internal', retryable: false, outcome: 'unknown' },
  [GrpcStatus.UNAUTHENTICATED]: renew('unauthenticated'),
  [GrpcStatus.PERMISSION_DENIED]: refused('permission-denied'),
  [GrpcStatus.INVALID_ARGUMENT]: refused('invalid-argument'),
  [GrpcStatus.UNIMPLEMENTED]: refused('unsupported', 'is this an etcd that serves the v3 API?'),
};

const UNKNOWN_FAILURE: Meaning = { code: 'internal', retryable: false, outcome: 'unknown' };

/** What a failure means, whichever call it ended. */
export function meaningOf(failure: GrpcFailure): Meaning {
  const own = ETCD_ERRORS[failure.details.replace(/^etcdserver: /, '')];
  if (own !== undefined) return own;
  if (OVERSIZED.test(failure.details))
    return refused('too-large', 'the server takes 1.5 MiB unless --max-request-bytes says otherwise');
  if (NEVER_SENT.some((pattern) => pattern.test(failure.details))) return passing('not-applied');
  return BY_STATUS[failure.code as GrpcStatus] ?? UNKNOWN_FAILURE;
}

/** Whether the call may change the store: only then does an error have an outcome. */
export type CallKind = 'read' | 'write';

/** The contract's error for a failed call. `compacted` is for the caller to complete: it needs a revision. */
export function toStoreError(failure: GrpcFailure, kind: CallKind, endpoint: string): StoreError {
  const { code, retryable, outcome, advice } = meaningOf(failure);
  const said = failure.details === '' ? `gRPC status ${failure.code}` : failure.details;
  return new StoreError(code, `${endpoint}: ${said}${advice === undefined ? '' : `; ${advice}`}`, {
    cause: failure,
    retryable,
    endpoint,
    ...(kind === 'write' ? { outcome } : {}),
  });
}

interface ConnectAdvice {
  readonly pattern: RegExp;
  readonly advice: string;
  /** Whether waiting may help. Certificates don't get better by it. */
  readonly passing?: true;
  /** The only endpoints that it is for. */
  readonly scheme?: 'https:';
}

/** Why a connection could not be made, by the codes of Node and OpenSSL, which gRPC passes on as text. */
const CONNECT_ADVICE: readonly ConnectAdvice[] = [
  { pattern: /CERT_HAS_EXPIRED/, advice: "the server's certificate has expired: renew it" },
  { pattern: /CERT_NOT_YET_VALID/, advice: "the server's certificate is not valid yet: compare the clocks" },
  {
    pattern: /SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF|UNABLE_TO_GET_ISSUER|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED/,
    advice: "the server's certificate is signed by an unknown authority: pass that authority's certificate in tls.ca",
  },
  {
    pattern: /ERR_TLS_CERT_ALTNAME/,
    advice: "the server's certificate is for another name: set tls.serverName to one that it carries",
  },
  {
    pattern: /alert.(?:certificate expired|number 45)/i,
    advice: 'the client certificate has expired: renew tls.cert and tls.key',
  },
  {
    // Also 40, 43, 44, 46: no common ground, and certificates that are of the wrong kind, revoked, or bad for another reason.
    pattern:
      /CERTIFICATE_REQUIRED|BAD_CERTIFICATE|HANDSHAKE_FAILURE|certificate required|bad certificate|alert number (?:40|42|43|44|46|116)/i,
    advice: 'the server wants a client certificate that it accepts: pass tls.cert and tls.key',
  },
  { pattern: /UNKNOWN_CA|unknown ca/i, advice: 'the server does not know the authority that signed tls.cert' },
  {
    pattern: /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/,
    advice: 'the server does not speak TLS: write http:// for it',
  },
  {
    // A server without TLS either answers the handshake with an error of its own, or resets the connection first.
    pattern: /before secure TLS connection|read ECONNRESET/,
    advice: 'the server ended the TLS handshake; if it does not speak TLS, write http:// for it',
    passing: true,
    scheme: 'https:',
  },
];

/** The error for an endpoint that could not be reached, from what gRPC said. */
export function toConnectError(details: string, endpoint: string): StoreError {
  const reason = /Last error: (.*?)(?: \(\d{4}-[^)]*Z\))?\. Resolution note:/s.exec(details)?.[1] ?? details;
  const text = reason.replace(/^Error: /, '');
  const known = CONNECT_ADVICE.find(({ pattern, scheme = '' }) => pattern.test(text) && endpoint.startsWith(scheme));
  const message = known === undefined ? text : `${known.advice} (${text})`;
  const retryable = known === undefined || known.passing === true;
  return new StoreError('unavailable', `${endpoint}: ${message}`, { endpoint, retryable });
}
