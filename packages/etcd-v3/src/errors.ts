import { status as GrpcStatus } from '@grpc/grpc-js';
import { errorOf, excerpt, HANDSHAKE_ENDED, passing, refused, tlsAdvice, type Meaning } from '@holdfast/etcd-common';
import { StoreError, type StoreErrorCode } from '@holdfast/store';
import type { CallKind } from '@holdfast/store/adapter';

/** A failed call as gRPC reports it: the relevant parts of its `ServiceError`. */
export interface GrpcFailure {
  readonly code: number;
  readonly details: string;
  /** The content type of the answer's head, which may have none; `undefined` if no answer came. */
  readonly contentType?: string | undefined;
}

/** The meaning of a failure of gRPC. */
export interface GrpcMeaning extends Meaning {
  /** Whether a new auth token makes the same call succeed. */
  readonly renewToken?: boolean;
  /** Whether that may be needed any number of times in a row: the call has met a change of users or roles. */
  readonly staleToken?: boolean;
}

const renew = (code: StoreErrorCode): GrpcMeaning => ({ ...refused(code), renewToken: true });
/** Every change of any user or role makes all JWTs invalid. etcd checks that before it applies a write. */
const STALE: GrpcMeaning = { ...renew('unauthenticated'), retryable: true, staleToken: true };
/**
 * etcd's own errors, by their texts after `etcdserver: ` (`api/v3rpc/rpctypes/error.go`). The texts are part of etcd's API: its Go
 * client tells errors apart by them too.
 */
const ETCD_ERRORS: Readonly<Record<string, GrpcMeaning>> = {
  'key is not provided': refused('invalid-argument'),
  'key not found': refused('not-found', 'ignoreValue and ignoreLease need a key that is there'),
  'value is provided': refused('invalid-argument'),
  'lease is provided': refused('invalid-argument'),
  'too many operations in txn request': refused('too-large', 'split the transaction, or raise --max-txn-ops'),
  'duplicate key given in txn request': refused('invalid-argument', 'a transaction may write a key once'),
  'invalid sort option': refused('invalid-argument'),
  'request is too large': refused(
    'too-large',
    'split the request, or raise --max-request-bytes (by default the server accepts 1.5 MiB)',
  ),
  'mvcc: required revision has been compacted': refused('compacted'),
  'mvcc: required revision is a future revision': refused('future-revision'),
  // etcd says it before a write, and also after the write that filled the quota was applied (quotaApplierV3).
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
  'revision of auth store is old': STALE,
  // The same before 3.5.5, with gRPC's UNKNOWN.
  'auth: revision in header is old': STALE,
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
  // With gRPC's UNKNOWN, from a member that is being removed.
  'raft: stopped': passing('unknown'),
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
 * The texts of gRPC itself when a request never left this process: then a write was certainly not applied. Any other text counts as
 * possibly sent.
 */
const NEVER_SENT: readonly RegExp[] = [
  /^No connection established/,
  /^Name resolution failed/,
  /^Channel closed before call started/,
  /^Failed to start HTTP\/2 stream/,
  // The server refused the stream without looking at it (HTTP/2's REFUSED_STREAM).
  /^Stream refused by server/,
];

/** The beginning of etcd's own errors. Only those may be final: a proxy sends gRPC codes too (docs/traps.md#trap-20). */
const ETCD_MARK = /^(?:etcdserver|auth|lease|membership|mvcc|raft): /;

/** Codes of passing failures, whoever sent them. */
const PASSING: Readonly<Partial<Record<GrpcStatus, GrpcMeaning>>> = {
  [GrpcStatus.UNAVAILABLE]: passing('unknown'),
  [GrpcStatus.DEADLINE_EXCEEDED]: { ...passing('unknown'), code: 'timeout' },
  [GrpcStatus.CANCELLED]: { ...passing('unknown'), unhealthy: false },
  // The member is well and has too much to do: a new connection in place of this one would be more work for it.
  [GrpcStatus.RESOURCE_EXHAUSTED]: { ...passing('unknown'), unhealthy: false },
  [GrpcStatus.ABORTED]: passing('unknown'),
  // A connection that breaks inside a frame looks like this, and so do real faults of either side.
  [GrpcStatus.INTERNAL]: passing('unknown'),
};

/** The meaning of etcd's errors with unknown texts, by their codes. */
const MARKED: Readonly<Partial<Record<GrpcStatus, GrpcMeaning>>> = {
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
 * The meaning of every other code without etcd's mark. It comes from a proxy, or from a server that is not etcd, and is never final. A
 * proxy sends UNIMPLEMENTED for HTTP's 404, UNAUTHENTICATED for 401, PERMISSION_DENIED for 403, and UNKNOWN for most others. A service
 * mesh adds NOT_FOUND, FAILED_PRECONDITION and the like by rules of its own.
 */
const PROXIED: Meaning = { ...passing('unknown'), advice: IN_ETCDS_PLACE };

/** An answer that can't be read, or that does not fit its request. Another member or attempt may do better. */
export const UNUSABLE: Meaning = { code: 'internal', retryable: true, outcome: 'unknown', unhealthy: true };

/**
 * A simple token holds the raft index at which it was made, and a server that has not come so far lets its user wait. After a restore that
 * can be for ever. Said by this process, in place of an answer.
 */
export const TOKEN_UNANSWERED: GrpcFailure = {
  code: GrpcStatus.UNAUTHENTICATED,
  details: 'the server does not answer the token: it may be older than the token',
};

/** Failures whose text says more than their code. The first match counts. */
const BY_TEXT: readonly (readonly [pattern: RegExp, meaning: GrpcMeaning])[] = [
  [/^the server does not answer the token/, { ...renew('unauthenticated'), retryable: true }],
  // Go's own text, with gRPC's UNKNOWN: a member without a leader gives up a write with it (seen on 3.4.23).
  [/^context deadline exceeded$/, passing('unknown')],
  // The request exceeds the server's limit or this client's, and was not processed.
  [
    /^grpc: received message larger than max|^Attempted to send message with a size larger than/,
    refused('too-large', 'split the request, or raise --max-request-bytes (by default the server accepts 1.5 MiB)'),
  ],
  [
    /^Received HTTP status code 413$/,
    refused('too-large', 'a proxy takes no request of this size: raise its limit, or split the request'),
  ],
  [
    /^Received HTTP status code (?:414|431)$/,
    refused('too-large', 'a proxy takes no headers of this size: raise its limit, or shorten the option headers'),
  ],
  // A rate limiter refuses before anything is done, and etcd never answers like that.
  [/^Received HTTP status code 429$/, { ...passing('not-applied'), unhealthy: false }],
  // The answer is too large. If the call was a write, it was applied.
  [
    /^Received message (?:larger than max|that decompresses to a size larger)|^grpc: trying to send message larger than max/,
    {
      code: 'too-large',
      retryable: false,
      outcome: 'unknown',
      advice: 'the answer is longer than maxResponseBytes: raise it, or read with a limit or in a scan',
    },
  ],
  // etcd has the service but not the method: it is too old for the call.
  [/^unknown method \w+ for service (?:etcdserverpb|v3lockpb|v3electionpb)\./, refused('unsupported')],
  // gRPC in this process says so if an answer can't be decoded, has no message, or has several.
  [/^Response message parsing error|^No message received|^Too many responses received/, UNUSABLE],
  [/^Received HTTP status code/, PROXIED],
];

/** Whether an answer of this content type can be etcd's. True if no answer came. */
export function isGrpc(contentType: string | undefined): boolean {
  return contentType === undefined || contentType.startsWith('application/grpc');
}

/** The meaning of a failure, whatever call it ended. */
export function meaningOf({ code, details, contentType }: GrpcFailure): GrpcMeaning {
  // The text of an answer does not prove that nothing was sent: the server may have written it.
  if (contentType === undefined && NEVER_SENT.some((pattern) => pattern.test(details))) return passing('not-applied');
  // The first bytes of a web page with status 200 were taken for the length of a message.
  if (!isGrpc(contentType) && !details.startsWith('Received HTTP status code')) return PROXIED;
  if (ETCD_MARK.test(details)) {
    const text = details.replace(/^etcdserver: /, '');
    // A server's text is no name in an object: `etcdserver: constructor` is none either.
    const known = Object.hasOwn(ETCD_ERRORS, text) ? ETCD_ERRORS[text] : undefined;
    return known ?? MARKED[code as GrpcStatus] ?? MARKED_OTHERWISE;
  }
  const known = BY_TEXT.find(([pattern]) => pattern.test(details));
  return known?.[1] ?? PASSING[code as GrpcStatus] ?? PROXIED;
}

/** How much of a server's text a message repeats. */
const LONGEST = 400;

/** The contract's error for a failed call. The caller completes `compacted`, which needs a revision. */
export function toFailureError(failure: GrpcFailure, kind: CallKind, endpoint: string): StoreError {
  const said = failure.details === '' ? `gRPC status ${failure.code}` : excerpt(failure.details, LONGEST);
  return errorOf(meaningOf(failure), kind, { endpoint, said, cause: failure });
}

/** A server without TLS answers the handshake with its own error, or resets the connection first. */
const ENDED_HANDSHAKE = /before secure TLS connection|ECONNRESET/;

const NEEDS_TLS = 'the server ended the connection; if it speaks TLS, write https:// for it';

/** The error of an endpoint that could not be reached, made of gRPC's text. */
export function toConnectError(details: string, endpoint: string): StoreError {
  const reason = /Last error: (.*?)(?: \(\d{4}-[^)]*Z\))?\. Resolution note:/s.exec(details)?.[1] ?? details;
  const said = excerpt(reason.replace(/^Error: /, ''), LONGEST);
  const final = tlsAdvice(said);
  // All that gRPC says where a TLS server ends a connection that begins without TLS.
  const needsTls = endpoint.startsWith('http:') && said === 'Failed to connect';
  const inHandshake = endpoint.startsWith('https:') && ENDED_HANDSHAKE.test(said);
  const advice = final ?? (inHandshake ? HANDSHAKE_ENDED : needsTls ? NEEDS_TLS : undefined);
  const message = advice === undefined ? said : `${advice} (${said})`;
  return new StoreError('unavailable', `${endpoint}: ${message}`, { endpoint, retryable: final === undefined });
}
