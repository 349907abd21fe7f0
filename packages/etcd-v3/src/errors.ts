import { StoreError, type StoreErrorCode, type WriteOutcome } from '@holdfast/store';
import { status as GrpcStatus } from '@grpc/grpc-js';

/** What gRPC says of a failed call: the parts of its `ServiceError` that matter. */
export interface GrpcFailure {
  readonly code: number;
  readonly details: string;
  /** Of the answer's head, which may have none; `undefined` where no answer came. */
  readonly contentType?: string | undefined;
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
 * Etcd's own errors by the text that its versions send (`api/v3rpc/rpctypes/error.go`, after `etcdserver: `). The
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

/** What etcd's own errors begin with. Only they may be final: a gRPC code alone is what a proxy says as well (trap 20). */
const ETCD_MARK = /^(?:etcdserver|auth|lease|membership|mvcc|raft): /;

/** What passes, whoever said so. */
const PASSING: Readonly<Partial<Record<GrpcStatus, Meaning>>> = {
  [GrpcStatus.UNAVAILABLE]: passing('unknown'),
  [GrpcStatus.DEADLINE_EXCEEDED]: { ...passing('unknown'), code: 'timeout' },
  [GrpcStatus.CANCELLED]: { ...passing('unknown'), unhealthy: false },
  [GrpcStatus.RESOURCE_EXHAUSTED]: passing('unknown'),
  [GrpcStatus.ABORTED]: passing('unknown'),
  // What a connection that breaks inside a frame looks like, beside real faults of either side.
  [GrpcStatus.INTERNAL]: passing('unknown'),
};

/** What those of etcd's errors mean whose text is not known here. */
const MARKED: Readonly<Partial<Record<GrpcStatus, Meaning>>> = {
  ...PASSING,
  [GrpcStatus.UNAUTHENTICATED]: renew('unauthenticated'),
  [GrpcStatus.PERMISSION_DENIED]: refused('permission-denied'),
  [GrpcStatus.INVALID_ARGUMENT]: refused('invalid-argument'),
  [GrpcStatus.UNIMPLEMENTED]: refused('unsupported'),
};
const MARKED_OTHERWISE: Meaning = { code: 'internal', retryable: false, outcome: 'unknown' };

const IN_ETCDS_PLACE =
  'etcd does not answer like this: a proxy or another server did; check that gRPC is forwarded to etcd';

/**
 * What a code means that is not among {@link PASSING} and comes without etcd's mark: from a proxy, or from a server that is
 * no etcd. None of it is final. A proxy says UNIMPLEMENTED for HTTP's 404, UNAUTHENTICATED for 401, PERMISSION_DENIED for
 * 403, UNKNOWN for most others, and a service mesh adds NOT_FOUND, FAILED_PRECONDITION and the like by rules of its own.
 */
const PROXIED: Meaning = { ...passing('unknown'), advice: IN_ETCDS_PLACE };

/** An answer that can't be read, or is not one to the request: another member, or the next attempt, may do better. */
export const UNUSABLE: Meaning = { code: 'internal', retryable: true, outcome: 'unknown', unhealthy: true };

/** Failures whose text says more than their code, in the order in which they are looked for. */
const BY_TEXT: readonly (readonly [pattern: RegExp, meaning: Meaning])[] = [
  // Go's own text, with gRPC's UNKNOWN: a member that has no leader to hand a write to gives up like that (seen on 3.4.23).
  [/^context deadline exceeded$/, passing('unknown')],
  // A request that was not looked at, by the server's limit or by this client's.
  [
    /^grpc: received message larger than max|^Attempted to send message with a size larger than/,
    refused('too-large', 'the server takes 1.5 MiB unless --max-request-bytes says otherwise'),
  ],
  [
    /^Received HTTP status code 413$/,
    refused('too-large', 'a proxy takes no request of this size: raise its limit, or split the request'),
  ],
  // The answer was too large, so that a write was applied, if it was one.
  [
    /^Received message larger than max|^grpc: trying to send message larger than max/,
    {
      code: 'too-large',
      retryable: false,
      outcome: 'unknown',
      advice: 'the answer is past maxResponseBytes: raise it, or read with a limit or in a scan',
    },
  ],
  // Etcd has the service, and lacks the method: an older one than the call needs.
  [/^unknown method \w+ for service (?:etcdserverpb|v3lockpb|v3electionpb)\./, refused('unsupported')],
  // What gRPC in this process says of an answer that it can't decode, that has no message, or that has several.
  [/^Response message parsing error|^No message received|^Too many responses received/, UNUSABLE],
  [/^Received HTTP status code/, PROXIED],
];

/** Whether an answer of this content type can be etcd's; also where none came. */
export function isGrpc(contentType: string | undefined): boolean {
  return contentType === undefined || contentType.startsWith('application/grpc');
}

/** What a failure means, whichever call it ended. */
export function meaningOf({ code, details, contentType }: GrpcFailure): Meaning {
  // The text of an answer proves nothing of what was sent: the server may have written it.
  if (contentType === undefined && NEVER_SENT.some((pattern) => pattern.test(details))) return passing('not-applied');
  // The first bytes of a web page with status 200 were taken for the length of a message.
  if (!isGrpc(contentType) && !details.startsWith('Received HTTP status code')) return PROXIED;
  if (ETCD_MARK.test(details)) {
    const text = details.replace(/^etcdserver: /, '');
    return ETCD_ERRORS[text] ?? MARKED[code as GrpcStatus] ?? MARKED_OTHERWISE;
  }
  const known = BY_TEXT.find(([pattern]) => pattern.test(details));
  return known?.[1] ?? PASSING[code as GrpcStatus] ?? PROXIED;
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
