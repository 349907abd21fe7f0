import { excerpt } from '@holdfast/etcd-common';
import { CompactedError, StoreError, type Revision, type StoreErrorCode, type WriteOutcome } from '@holdfast/store';
import type { BadAnswer } from './json/bad-answer.js';
import { isIndex, isObject, parseJson } from './json/codec.js';

/** Whether the call may change the store: only then does an error have an outcome. */
export type CallKind = 'read' | 'write';

/** The meaning of a failure in the terms of the contract, whatever call it ended. */
export interface Meaning {
  readonly code: StoreErrorCode;
  readonly retryable: boolean;
  /** The outcome of a write (C7). `'not-applied'` only if the server refuses before it changes anything. */
  readonly outcome: WriteOutcome;
  /** Whether the endpoint itself is in trouble. Then others are preferred for a while. */
  readonly unhealthy?: boolean;
  /** Whether the member may have no leader: a new connection is asked for that first. */
  readonly mayLackLeader?: boolean;
  /** Whether other credentials may make the same call succeed. */
  readonly renewCredentials?: boolean;
  /** What to do next, if the server's own words don't say. */
  readonly advice?: string;
}

/** An error of the keys API, as its body has it. */
export interface V2ErrorBody {
  readonly errorCode: number;
  readonly message: string;
  /** Empty if there is none. */
  readonly cause: string;
  /** The store's index; 0 if the request was refused before it reached the store. */
  readonly index: number;
}

/** An answer that is not a success. */
export interface HttpFailure {
  readonly status: number;
  readonly body: string;
  /**
   * The API that answered. `keys` and `members`: these APIs of etcd, as the answer's headers show. `other`: unknown; it may be a proxy.
   */
  readonly from: 'keys' | 'members' | 'other';
}

const refused = (code: StoreErrorCode, advice?: string): Meaning => ({
  code,
  retryable: false,
  outcome: 'not-applied',
  ...(advice === undefined ? {} : { advice }),
});
/** A failure of one endpoint that passes, or that other endpoints don't have. */
export const passing = (outcome: WriteOutcome): Meaning => ({
  code: 'unavailable',
  retryable: true,
  outcome,
  unhealthy: true,
});
const WRONG_KIND = refused('invalid-argument', 'a key can be an entry or a directory, not both');
const WRONG_CREDENTIALS: Meaning = {
  ...refused(
    'unauthenticated',
    "check the option auth, and that the user's role grants access to the key or directory",
  ),
  renewCredentials: true,
};
/** Not final: a restart, or another member, may answer correctly. */
const BROKEN: Meaning = { code: 'internal', retryable: true, outcome: 'unknown', unhealthy: true };

/** Every code of the keys API (`etcdserver/api/v2error/error.go`). */
export const V2_ERRORS: Readonly<Record<number, Meaning>> = {
  100: refused('not-found'),
  101: refused('conflict'),
  102: WRONG_KIND,
  103: refused('invalid-argument'),
  104: WRONG_KIND,
  105: refused('conflict'),
  106: refused('invalid-argument'),
  107: refused('invalid-argument', 'the root directory can be neither written nor deleted'),
  108: refused('invalid-argument', 'delete it recursively, or delete what is in it first; hidden nodes are not listed'),
  109: refused('conflict'),
  110: WRONG_CREDENTIALS,
  200: refused('invalid-argument'),
  201: refused('invalid-argument'),
  202: refused('invalid-argument'),
  203: refused('invalid-argument'),
  204: refused('invalid-argument'),
  205: refused('invalid-argument'),
  206: refused('invalid-argument'),
  207: refused('invalid-argument'),
  208: refused('invalid-argument'),
  209: refused('invalid-argument'),
  210: refused('invalid-argument'),
  211: refused('invalid-argument'),
  212: refused('invalid-argument'),
  // Any failure between the members, including time-outs: the write may still be applied.
  300: { ...passing('unknown'), mayLackLeader: true },
  301: { ...passing('unknown'), mayLackLeader: true },
  // A recovering server dropped its watchers. The watch resumes.
  400: { ...passing('unknown'), unhealthy: false },
  401: refused('compacted'),
  402: BROKEN,
  403: BROKEN,
  404: BROKEN,
  500: BROKEN,
};

/** The codes with which etcd answers reads. With any other code, the answer to a read is not etcd's. */
const OF_READS: readonly number[] = [110, 300, 301, 400, 401];

/** The errors of the members API, by HTTP status. Their bodies have a text (`{"message": "…"}`). */
const MEMBERS_ERRORS: Readonly<Record<number, Meaning>> = {
  400: refused('invalid-argument'),
  401: WRONG_CREDENTIALS,
  404: refused('not-found'),
  409: refused('conflict'),
  410: refused('not-found'),
  415: refused('invalid-argument'),
};

/** Errors of the keys API whose cause is more specific than their code. */
const BY_CAUSE: readonly (readonly [RegExp, Meaning])[] = [
  // 3.5 answers so to a change of a directory's time to live, which no other call can make either.
  [/^nodePath \S+ : Not a file/, refused('unsupported', 'etcd 3.5 can not change a directory that is there')],
  // The form of a request is cut off at 10 MiB by Go's HTTP server.
  [/^http: (?:POST|request body) too large/, refused('too-large', 'the server takes 10 MiB')],
];

/** The text of an HTTP server that expects TLS. It has not read the request. */
const NEEDS_TLS = /^Client sent an HTTP request to an HTTPS server/;

/** An etcd without the v2 API answers its paths like many proxies do. */
export function isPageNotFound({ status, body }: HttpFailure): boolean {
  return status === 404 && body.startsWith('404 page not found');
}

const NO_ROUTE = 'a proxy without a route says so, and an etcd that does not serve the v2 API (see --enable-v2)';

/** The meaning if the endpoint is certainly an etcd and does not have the paths of the v2 API. */
export const LACKS_V2: Meaning = {
  ...refused('unsupported', 'this etcd does not serve the v2 API: start it with --enable-v2, which 3.6 has no more'),
  unhealthy: true,
};

/** The error of the keys API in an answer's body, if it is one. */
export function parseV2Error(body: string): V2ErrorBody | undefined {
  if (!body.startsWith('{"errorCode":')) return undefined;
  try {
    const { errorCode, message, cause = '', index = 0 } = parseJson(body);
    const fits = typeof errorCode === 'number' && typeof message === 'string' && typeof cause === 'string';
    if (!fits || !(index === 0 || isIndex(index))) return undefined;
    return { errorCode, message, cause, index };
  } catch {
    // The body was cut off, so its content is unknown.
    return undefined;
  }
}

/** The text in answers of the other APIs: `{"message": "…"}`. */
export function parseMessage(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const message = isObject(value) ? value['message'] : undefined;
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}

/** The meaning of an answer that is not a success, for a call of that kind. */
export function meaningOf(failure: HttpFailure, kind: CallKind): Meaning {
  const { status, body, from } = failure;
  const own = from === 'keys' ? parseV2Error(body) : undefined;
  if (own !== undefined) {
    if (kind === 'read' && !OF_READS.includes(own.errorCode)) return BROKEN;
    if (own.errorCode === 401 && oldestIn(own) === undefined) return BROKEN;
    return BY_CAUSE.find(([pattern]) => pattern.test(own.cause))?.[1] ?? V2_ERRORS[own.errorCode] ?? BROKEN;
  }
  if (from === 'members') {
    const known = MEMBERS_ERRORS[status];
    // etcd never refuses a read like that, so another server has answered.
    if (known !== undefined && (kind === 'write' || status === 401)) return known;
  }
  if (status === 413 && kind === 'write') return refused('too-large', 'a proxy takes no more; raise its limit');
  // A rate limiter refuses before anything is done.
  if (status === 429) return { ...passing('not-applied'), unhealthy: false };
  if (status === 400 && NEEDS_TLS.test(body)) {
    const advice = 'the server speaks TLS here: write https:// instead of http://';
    return { ...refused('unavailable', advice), unhealthy: true };
  }
  if (isPageNotFound(failure)) return { ...passing('unknown'), advice: NO_ROUTE };
  // A proxy, a load balancer, or a server that is not etcd. It may have passed a write on before it answered.
  return passing('unknown');
}

/** The contract's error for an answer that is not a success. */
export function toStoreError(
  failure: HttpFailure,
  kind: CallKind,
  endpoint: string,
  meaning = meaningOf(failure, kind),
): StoreError {
  const { code, retryable, outcome, advice } = meaning;
  const own = failure.from === 'keys' ? parseV2Error(failure.body) : undefined;
  const options = { retryable, endpoint, ...(kind === 'write' ? { outcome } : {}) };
  const message = `${endpoint}: ${textOf(failure, own)}${advice === undefined ? '' : `; ${advice}`}`;
  const compactRevision = code === 'compacted' && own !== undefined ? oldestIn(own) : undefined;
  if (own === undefined || compactRevision === undefined) return new StoreError(code, message, options);
  return new CompactedError(`${message}; etcd v2 keeps the last 1,000 events of the whole server`, {
    ...options,
    compactRevision,
    revision: isIndex(own.index) ? own.index : undefined,
  });
}

/** The contract's error for a success that can't be used. A write may still have been applied. */
export function toAnswerError(bad: BadAnswer, response: HttpFailure, kind: CallKind, endpoint: string): StoreError {
  const { code, message } = bad;
  const shown = code === 'internal' || response.body === '' ? '' : `: ${excerpt(response.body)}`;
  return new StoreError(code, `${endpoint}: HTTP ${response.status} ${message}${shown}`, {
    cause: bad,
    retryable: true,
    endpoint,
    ...(kind === 'write' ? { outcome: 'unknown' } : {}),
  });
}

/** The oldest index that is left of a cleared history: "[oldest/requested]". */
function oldestIn({ cause, index }: V2ErrorBody): Revision | undefined {
  const told = /\[(\d{1,16})\/\d+\]/.exec(cause)?.[1];
  const oldest = told === undefined ? index : Number(told);
  return isIndex(oldest) && isIndex(index) && oldest <= index ? oldest : undefined;
}

/** The answer's text, without its JSON. */
function textOf({ status, body, from }: HttpFailure, own: V2ErrorBody | undefined): string {
  if (own !== undefined) {
    const cause = own.cause === '' ? '' : ` (${excerpt(own.cause)})`;
    return `${excerpt(own.message)}${cause} (errorCode ${own.errorCode})`;
  }
  const message = from === 'members' ? parseMessage(body) : undefined;
  if (message !== undefined) return `HTTP ${status}: ${excerpt(message)}`;
  return `HTTP ${status}, which is not etcd's: ${excerpt(body) || '(no text)'}`;
}

/** Advice for TLS failures, which don't pass by themselves, by the codes of Node and OpenSSL. */
const TLS_ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^CERT_HAS_EXPIRED$/, "the server's certificate has expired: renew it"],
  [/^CERT_NOT_YET_VALID$/, "the server's certificate is not valid yet: check both clocks"],
  [
    /^(?:UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE)/,
    "the server's certificate is signed by an unknown authority: pass that authority's certificate in tls.ca",
  ],
  [
    /^ERR_TLS_CERT_ALTNAME/,
    "the server's certificate is for another name: set tls.serverName to the name that it carries",
  ],
  [/ALERT_CERTIFICATE_EXPIRED/, 'the client certificate has expired: renew tls.cert and tls.key'],
  [
    /ALERT_(?:CERTIFICATE_(?:REQUIRED|REVOKED|UNKNOWN)|BAD_CERTIFICATE|HANDSHAKE_FAILURE|UNSUPPORTED_CERTIFICATE)/,
    'the server wants a client certificate that it accepts: pass tls.cert and tls.key',
  ],
  [/ALERT_UNKNOWN_CA/, 'the server does not know the authority that signed tls.cert'],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/,
    'the server does not speak TLS here: write http:// instead of https://',
  ],
];

/** Go's server checks the client's certificate before it reads the request, although TLS 1.3 reports the result only afterwards. */
const REFUSED_BY_HANDSHAKE =
  /ALERT_(?:CERTIFICATE_|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)/;

/** The meaning of a failed connection. `sent`: the request had been written to it, at least partly. */
export function connectionMeaning(error: Error, sent: boolean): Meaning {
  const code = codeOf(error);
  const advice = TLS_ADVICE.find(([pattern]) => pattern.test(code))?.[1];
  if (advice === undefined) return passing(sent ? 'unknown' : 'not-applied');
  const outcome = sent && !REFUSED_BY_HANDSHAKE.test(code) ? 'unknown' : 'not-applied';
  return { code: 'unavailable', retryable: false, outcome, unhealthy: true, advice };
}

/** The contract's error for a connection that could not be made or that broke. */
export function toConnectionError(error: Error, kind: CallKind, endpoint: string, sent: boolean): StoreError {
  const { code, retryable, outcome, advice } = connectionMeaning(error, sent);
  const said = messageOf(error);
  // The connection ended during the handshake. That may pass, because a server that is about to stop does the same.
  const inHandshake = !sent && endpoint.startsWith('https:') && /^(?:ECONNRESET|EPIPE)$/.test(codeOf(error));
  const hint = inHandshake ? '; if the server does not speak TLS there, write http:// instead' : '';
  return new StoreError(code, `${endpoint}: ${advice === undefined ? said + hint : `${advice} (${said})`}`, {
    cause: error,
    retryable,
    endpoint,
    ...(kind === 'write' ? { outcome } : {}),
  });
}

function codeOf(error: Error): string {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (typeof code === 'string' && code !== 'UND_ERR_SOCKET') return code;
  return cause instanceof Error ? codeOf(cause) : '';
}

function messageOf(error: Error): string {
  // The failures of all addresses of a host.
  if (error instanceof AggregateError) return error.errors.map((each) => messageOf(each as Error)).join(', ');
  return error.message;
}
