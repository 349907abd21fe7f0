import { CompactedError, StoreError, type StoreErrorCode, type WriteOutcome } from '@holdfast/store';
import { parseJson, toIndex } from './json/codec.js';

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
  /** Whether other credentials may make the same call succeed. */
  readonly renewCredentials?: boolean;
  /** What to do next, where the server's own words don't say. */
  readonly advice?: string;
}

/** An error of the keys API, as its body has it. */
export interface V2ErrorBody {
  readonly errorCode: number;
  readonly message: string;
  readonly cause?: string;
  /** The store's index; 0 where the request was refused before the store was asked. */
  readonly index: number;
}

/** What a server answered that is not a success. */
export interface HttpFailure {
  readonly status: number;
  readonly body: string;
}

const refused = (code: StoreErrorCode, advice?: string): Meaning => ({
  code,
  retryable: false,
  outcome: 'not-applied',
  ...(advice === undefined ? {} : { advice }),
});
const passing = (outcome: WriteOutcome): Meaning => ({
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
const BROKEN: Meaning = { code: 'internal', retryable: false, outcome: 'unknown' };

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
  300: passing('unknown'),
  301: passing('unknown'),
  // A recovering server dropped its watchers: the watch resumes.
  400: { ...passing('unknown'), unhealthy: false },
  401: refused('compacted'),
  402: BROKEN,
  403: BROKEN,
  404: BROKEN,
  500: BROKEN,
};

/** What else an HTTP server says: the other APIs of etcd, a proxy in between, or something that is no etcd. */
const BY_STATUS: Readonly<Record<number, Meaning>> = {
  400: refused('invalid-argument'),
  401: WRONG_CREDENTIALS,
  403: refused('permission-denied'),
  404: refused('not-found'),
  405: refused('unsupported'),
  408: passing('unknown'),
  409: refused('conflict'),
  410: refused('not-found'),
  413: refused('too-large'),
  415: refused('invalid-argument'),
  429: { ...passing('not-applied'), unhealthy: false },
  500: passing('unknown'),
  502: passing('unknown'),
  503: passing('unknown'),
  504: passing('unknown'),
};

/** Answers that are known by their text. */
const BY_TEXT: readonly (readonly [RegExp, Meaning])[] = [
  [/^404 page not found/, refused('unsupported', 'this etcd does not serve the v2 API: start it with --enable-v2')],
  [
    /Client sent an HTTP request to an HTTPS server/,
    { ...refused('unavailable', 'the server speaks TLS here: write https:// instead of http://'), unhealthy: true },
  ],
  // 3.5 answers so where a directory's time to live is to be changed; it is done by no other means.
  [/nodePath \S+ : Not a file/, refused('unsupported', 'etcd 3.5 can not change a directory that is there')],
  // The form of a request is cut off at 10 MiB by Go's HTTP server.
  [/http: (?:POST|request body) too large/, refused('too-large', 'the server takes 10 MiB')],
];

/** The error of the keys API in an answer's body, if it is one. */
export function parseV2Error({ body }: HttpFailure): V2ErrorBody | undefined {
  if (!body.startsWith('{"errorCode":')) return undefined;
  const error = parseJson<V2ErrorBody>(body);
  return Number.isInteger(error.errorCode) ? error : undefined;
}

/** What an answer that is not a success means, whichever call got it. */
export function meaningOf(failure: HttpFailure): Meaning {
  const known = BY_TEXT.find(([pattern]) => pattern.test(textOf(failure)))?.[1];
  if (known !== undefined) return known;
  const own = parseV2Error(failure);
  return (own === undefined ? BY_STATUS[failure.status] : V2_ERRORS[own.errorCode]) ?? BROKEN;
}

/** The contract's error for an answer that is not a success. */
export function toStoreError(failure: HttpFailure, kind: CallKind, endpoint: string): StoreError {
  const { code, retryable, outcome, advice } = meaningOf(failure);
  const own = parseV2Error(failure);
  const said = own === undefined ? `HTTP ${failure.status}: ${textOf(failure)}` : textOf(failure);
  const options = { retryable, endpoint, ...(kind === 'write' ? { outcome } : {}) };
  const message = `${endpoint}: ${said}${advice === undefined ? '' : `; ${advice}`}`;
  if (code !== 'compacted' || own === undefined) return new StoreError(code, message, options);
  // "the requested history has been cleared [oldest/requested]"
  const oldest = /\[(\d+)\/\d+\]/.exec(own.cause ?? '')?.[1];
  return new CompactedError(`${message}; etcd v2 keeps the last 1,000 events of the whole server`, {
    ...options,
    compactRevision: toIndex(oldest ?? own.index),
    revision: own.index > 0 ? toIndex(own.index) : undefined,
  });
}

/** What the answer says in words, without its JSON. */
function textOf(failure: HttpFailure): string {
  const own = parseV2Error(failure);
  if (own !== undefined) return `${own.message}${own.cause ? ` (${own.cause})` : ''} (errorCode ${own.errorCode})`;
  // The other APIs answer {"message": "…"}; a proxy with a page of its own.
  const message = /^\{"message":"(.*)"\}\s*$/s.exec(failure.body)?.[1] ?? failure.body.trim();
  return message.length > 200 ? `${message.slice(0, 200)}…` : message;
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
