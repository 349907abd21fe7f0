import { excerpt } from '@holdfast/etcd-common';
import { CompactedError, StoreError, type Revision, type StoreErrorCode, type WriteOutcome } from '@holdfast/store';
import type { BadAnswer } from './json/bad-answer.js';
import { isIndex, isObject, parseJson } from './json/codec.js';

/** Whether the call may change the store: only then does an error have an outcome. */
export type CallKind = 'read' | 'write';

/** A failure in the terms of the contract, before it is known which call it happened to. */
export interface Meaning {
  readonly code: StoreErrorCode;
  readonly retryable: boolean;
  /** What it means for a write (C7). `'not-applied'` only where the server refuses before it changes anything. */
  readonly outcome: WriteOutcome;
  /** Whether the endpoint itself is in trouble, so that others should be preferred for a while. */
  readonly unhealthy?: boolean;
  /** Whether the member may be one without a leader: a new connection is asked for that first. */
  readonly mayLackLeader?: boolean;
  /** Whether other credentials may make the same call succeed. */
  readonly renewCredentials?: boolean;
  /** What to do next, where the server's own words don't say. */
  readonly advice?: string;
}

/** An error of the keys API, as its body has it. */
export interface V2ErrorBody {
  readonly errorCode: number;
  readonly message: string;
  /** Empty where none is told. */
  readonly cause: string;
  /** The store's index; 0 where the request was refused before the store was asked. */
  readonly index: number;
}

/** What a server answered that is not a success. */
export interface HttpFailure {
  readonly status: number;
  readonly body: string;
  /**
   * Whose words they are. `keys` and `members`: those APIs of etcd's, as the answer's headers show. `other`: nobody knows;
   * it may be a proxy's.
   */
  readonly from: 'keys' | 'members' | 'other';
}

const refused = (code: StoreErrorCode, advice?: string): Meaning => ({
  code,
  retryable: false,
  outcome: 'not-applied',
  ...(advice === undefined ? {} : { advice }),
});
/** Trouble of one endpoint that will be over, or is not there elsewhere. */
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
/** Nothing that a server says is final for those who follow it: a restart, or another member, may mend it. */
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
  // Whatever went wrong between the members, time-outs included: the write may still be applied.
  300: { ...passing('unknown'), mayLackLeader: true },
  301: { ...passing('unknown'), mayLackLeader: true },
  // A recovering server dropped its watchers: the watch resumes.
  400: { ...passing('unknown'), unhealthy: false },
  401: refused('compacted'),
  402: BROKEN,
  403: BROKEN,
  404: BROKEN,
  500: BROKEN,
};

/** Codes that etcd answers a read with. Any other, of a read, is none that etcd would give. */
const OF_READS: readonly number[] = [110, 300, 301, 400, 401];

/** What the members API says, in words (`{"message": "…"}`) and by its HTTP status. */
const MEMBERS_ERRORS: Readonly<Record<number, Meaning>> = {
  400: refused('invalid-argument'),
  401: WRONG_CREDENTIALS,
  404: refused('not-found'),
  409: refused('conflict'),
  410: refused('not-found'),
  415: refused('invalid-argument'),
};

/** Errors of the keys API whose cause says more than their code. */
const BY_CAUSE: readonly (readonly [RegExp, Meaning])[] = [
  // 3.5 answers so where a directory's time to live is to be changed; it is done by no other means.
  [/^nodePath \S+ : Not a file/, refused('unsupported', 'etcd 3.5 can not change a directory that is there')],
  // The form of a request is cut off at 10 MiB by Go's HTTP server.
  [/^http: (?:POST|request body) too large/, refused('too-large', 'the server takes 10 MiB')],
];

/** An HTTP server that listens for TLS. It has not read the request. */
const NEEDS_TLS = /^Client sent an HTTP request to an HTTPS server/;

/** An etcd without the v2 API has nothing at its paths, and says so as many proxies do. */
export function isPageNotFound({ status, body }: HttpFailure): boolean {
  return status === 404 && body.startsWith('404 page not found');
}

const NO_ROUTE = 'a proxy without a route says so, and an etcd that does not serve the v2 API (see --enable-v2)';

/** Where the endpoint was shown to be an etcd, and has nothing at the paths of the v2 API. */
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
    // Cut off: what it would have said is not known.
    return undefined;
  }
}

/** What the other APIs say in words: `{"message": "…"}`. */
export function parseMessage(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const message = isObject(value) ? value['message'] : undefined;
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}

/** What an answer that is not a success means, for a call of that kind. */
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
    // A read is not wrong, and what it asks for is there: somebody else has said that.
    if (known !== undefined && (kind === 'write' || status === 401)) return known;
  }
  if (status === 413 && kind === 'write') return refused('too-large', 'a proxy takes no more; raise its limit');
  // Whoever limits the rate does so before anything is done.
  if (status === 429) return { ...passing('not-applied'), unhealthy: false };
  if (status === 400 && NEEDS_TLS.test(body)) {
    const advice = 'the server speaks TLS here: write https:// instead of http://';
    return { ...refused('unavailable', advice), unhealthy: true };
  }
  if (isPageNotFound(failure)) return { ...passing('unknown'), advice: NO_ROUTE };
  // A proxy, a load balancer, a server that is no etcd. It may have passed a write on before it said so.
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

/** The contract's error for a success that can't be used. A write may have been done, whatever the answer looks like. */
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

/** The oldest index that is left of a history that was cleared: "[oldest/requested]". */
function oldestIn({ cause, index }: V2ErrorBody): Revision | undefined {
  const told = /\[(\d{1,16})\/\d+\]/.exec(cause)?.[1];
  const oldest = told === undefined ? index : Number(told);
  return isIndex(oldest) && isIndex(index) && oldest <= index ? oldest : undefined;
}

/** What the answer says in words, without its JSON. */
function textOf({ status, body, from }: HttpFailure, own: V2ErrorBody | undefined): string {
  if (own !== undefined) {
    const cause = own.cause === '' ? '' : ` (${excerpt(own.cause)})`;
    return `${excerpt(own.message)}${cause} (errorCode ${own.errorCode})`;
  }
  const message = from === 'members' ? parseMessage(body) : undefined;
  if (message !== undefined) return `HTTP ${status}: ${excerpt(message)}`;
  return `HTTP ${status}, which is not etcd's: ${excerpt(body) || '(no text)'}`;
}

/** TLS failures don't pass by themselves, and have their own advice. By the codes of Node and OpenSSL. */
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

/** Go's server checks the client's certificate before it reads the request, though TLS 1.3 tells only afterwards. */
const REFUSED_BY_HANDSHAKE =
  /ALERT_(?:CERTIFICATE_|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)/;

/** What a connection that failed means. `sent`: the request had been written to it, at least in part. */
export function connectionMeaning(error: Error, sent: boolean): Meaning {
  const code = codeOf(error);
  const advice = TLS_ADVICE.find(([pattern]) => pattern.test(code))?.[1];
  if (advice === undefined) return passing(sent ? 'unknown' : 'not-applied');
  const outcome = sent && !REFUSED_BY_HANDSHAKE.test(code) ? 'unknown' : 'not-applied';
  return { code: 'unavailable', retryable: false, outcome, unhealthy: true, advice };
}

/** The contract's error for a connection that could not be made, or broke. */
export function toConnectionError(error: Error, kind: CallKind, endpoint: string, sent: boolean): StoreError {
  const { code, retryable, outcome, advice } = connectionMeaning(error, sent);
  const said = messageOf(error);
  // A connection that ends during the handshake: it may pass, since a server that is about to stop does the same.
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
  // Several addresses of one host: what became of each.
  if (error instanceof AggregateError) return error.errors.map((each) => messageOf(each as Error)).join(', ');
  return error.message;
}
