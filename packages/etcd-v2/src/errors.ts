import { errorOf, excerpt, HANDSHAKE_ENDED, passing, refused, tlsAdvice, type Meaning } from '@holdfast/etcd-common';
import type { Revision, StoreError } from '@holdfast/store';
import type { CallKind } from '@holdfast/store/adapter';
import type { BadAnswer } from './json/bad-answer.js';
import { isIndex, isObject, parseJson } from './json/codec.js';

/** The meaning of a failed HTTP request. */
export interface HttpMeaning extends Meaning {
  /** Whether the member may have no leader: a new connection is asked for that first. */
  readonly mayLackLeader?: boolean;
  /** Whether other credentials may make the same call succeed. */
  readonly renewCredentials?: boolean;
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

const WRONG_KIND = refused('invalid-argument', 'a key can be an entry or a directory, not both');
const WRONG_CREDENTIALS: HttpMeaning = {
  ...refused(
    'unauthenticated',
    "check the option auth, and that the user's role grants access to the key or directory",
  ),
  renewCredentials: true,
};
/** Not final: a restart, or another member, may answer correctly. */
const BROKEN: HttpMeaning = { code: 'internal', retryable: true, outcome: 'unknown', unhealthy: true };

/** Every code of the keys API (`etcdserver/api/v2error/error.go`). */
export const V2_ERRORS: Readonly<Record<number, HttpMeaning>> = {
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
  401: refused('compacted', 'etcd v2 keeps the last 1,000 events of the whole server'),
  402: BROKEN,
  403: BROKEN,
  404: BROKEN,
  500: BROKEN,
};

/** The codes with which etcd answers reads. With any other code, the answer to a read is not etcd's. */
const OF_READS: readonly number[] = [110, 300, 301, 400, 401];

/** A code with which etcd answers long polls. It does not say what became of a write. */
const OF_POLLS = 401;

/** The errors of the members API, by HTTP status. Their bodies have a text (`{"message": "…"}`). */
const MEMBERS_ERRORS: Readonly<Record<number, HttpMeaning>> = {
  400: refused('invalid-argument'),
  401: WRONG_CREDENTIALS,
  404: refused('not-found'),
  409: refused('conflict'),
  410: refused('not-found'),
  415: refused('invalid-argument'),
};

/** Errors of the keys API whose cause is more specific than their code. */
const BY_CAUSE: readonly (readonly [RegExp, HttpMeaning])[] = [
  // 3.5 answers so to a change of a directory's time to live, which no other call can make either.
  [/^nodePath \S+ : Not a file/, refused('unsupported', 'etcd 3.5 can not change a directory that is there')],
  // The form of a request is cut off at 10 MiB by Go's HTTP server.
  [/^http: (?:POST|request body) too large/, refused('too-large', 'the server takes 10 MiB')],
];

/** The text of an HTTP server that expects TLS. It has not read the request. */
const NEEDS_TLS = /^Client sent an HTTP request to an HTTPS server/;

/** nginx says it with 400. */
const LONG_HEADERS = /Request Header Or Cookie Too Large/i;

/** An etcd without the v2 API answers its paths like many proxies do. */
export function isPageNotFound({ status, body }: HttpFailure): boolean {
  return status === 404 && body.startsWith('404 page not found');
}

const NO_ROUTE = 'a proxy without a route says so, and an etcd that does not serve the v2 API (see --enable-v2)';

/** The meaning if the endpoint is certainly an etcd and does not have the paths of the v2 API. */
export const LACKS_V2: HttpMeaning = {
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
export function meaningOf(failure: HttpFailure, kind: CallKind): HttpMeaning {
  const { status, body, from } = failure;
  const own = from === 'keys' ? parseV2Error(body) : undefined;
  if (own !== undefined) {
    if (kind === 'read' && !OF_READS.includes(own.errorCode)) return BROKEN;
    if (kind === 'write' && own.errorCode === OF_POLLS) return BROKEN;
    if (own.errorCode === 401 && oldestIn(own) === undefined) return BROKEN;
    return BY_CAUSE.find(([pattern]) => pattern.test(own.cause))?.[1] ?? V2_ERRORS[own.errorCode] ?? BROKEN;
  }
  if (from === 'members') {
    const known = MEMBERS_ERRORS[status];
    // etcd never refuses a read like that, so another server has answered.
    if (known !== undefined && (kind === 'write' || status === 401)) return known;
  }
  if (status === 413 && kind === 'write') return refused('too-large', 'a proxy takes no more; raise its limit');
  // A key is in the path of its request, which Go's server counts as headers.
  if (kind === 'write' && (status === 414 || status === 431 || (status === 400 && LONG_HEADERS.test(body)))) {
    return refused(
      'too-large',
      'the key, the value compared with, or the headers are too long for a server on the way',
    );
  }
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
export function toFailureError(
  failure: HttpFailure,
  kind: CallKind,
  endpoint: string,
  meaning = meaningOf(failure, kind),
): StoreError {
  const own = failure.from === 'keys' ? parseV2Error(failure.body) : undefined;
  const compactRevision = own === undefined ? undefined : oldestIn(own);
  const revision = own !== undefined && isIndex(own.index) ? own.index : undefined;
  const compacted = compactRevision === undefined ? undefined : { compactRevision, revision };
  return errorOf(meaning, kind, { endpoint, said: textOf(failure, own), compacted });
}

/** The contract's error for a success that can't be used. A write may still have been applied. */
export function toAnswerError(bad: BadAnswer, response: HttpFailure, kind: CallKind, endpoint: string): StoreError {
  const { code, message } = bad;
  const shown = code === 'internal' || response.body === '' ? '' : `: ${excerpt(response.body)}`;
  const said = `HTTP ${response.status} ${message}${shown}`;
  return errorOf({ code, retryable: true, outcome: 'unknown' }, kind, { endpoint, said, cause: bad });
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

/** Go's server checks the client's certificate before it reads the request, although TLS 1.3 reports the result only afterwards. */
const REFUSED_BY_HANDSHAKE =
  /ALERT_(?:CERTIFICATE_|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)/;

/** The meaning of a failed connection. `sent`: the request had been written to it, at least partly. */
export function connectionMeaning(error: Error, sent: boolean): HttpMeaning {
  const code = codeOf(error);
  const advice = tlsAdvice(code);
  if (advice === undefined) return passing(sent ? 'unknown' : 'not-applied');
  const outcome = sent && !REFUSED_BY_HANDSHAKE.test(code) ? 'unknown' : 'not-applied';
  return { code: 'unavailable', retryable: false, outcome, unhealthy: true, advice };
}

/** The contract's error for a connection that could not be made or that broke. */
export function toConnectionError(error: Error, kind: CallKind, endpoint: string, sent: boolean): StoreError {
  const { advice: _said, ...meaning } = connectionMeaning(error, sent);
  return errorOf(meaning, kind, { endpoint, said: connectionText(error, endpoint, sent), cause: error });
}

/** Why a connection could not be made or broke, with what to do about it. */
export function connectionText(error: Error, endpoint: string, sent: boolean): string {
  const inHandshake = !sent && endpoint.startsWith('https:') && /^(?:ECONNRESET|EPIPE)$/.test(codeOf(error));
  const advice = connectionMeaning(error, sent).advice ?? (inHandshake ? HANDSHAKE_ENDED : undefined);
  const text = messageOf(error);
  return advice === undefined ? text : `${advice} (${text})`;
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
