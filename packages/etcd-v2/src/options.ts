import {
  checkIdentity,
  createTlsContext,
  parseEndpoint,
  type EndpointAddress,
  type EtcdCredentials,
  type EtcdIdentityOptions,
  type EtcdTlsOptions,
  type Security,
} from '@holdfast/etcd-common';
import { StoreError, type Clock, type Logger } from '@holdfast/store';
import { safeLogger, systemClock } from '@holdfast/store/adapter';

export interface EtcdV2Options {
  /** The members: `http://host:2379`, `https://host:2379` or `unix:/path`. With several the store fails over. */
  readonly endpoints: readonly string[];
  /**
   * A user (HTTP basic authentication), or a function that returns the current one. It is called at first and whenever the server refuses its
   * last user, so passwords can change.
   */
  readonly auth?: EtcdCredentials | (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined;
  /** TLS material, or a function that returns it. It is called for each new connection, so certificates can change. */
  readonly tls?: EtcdTlsOptions | (() => EtcdTlsOptions) | undefined;
  /** HTTP headers sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly timeouts?:
    | {
        /** How long it may take to reach any endpoint, in milliseconds. Then calls fail with `unavailable`. Default: 5,000. */
        readonly connectMs?: number | undefined;
        /** The default of every call's `timeoutMs`. Default: none. */
        readonly requestMs?: number | undefined;
      }
    | undefined;
  /**
   * Questions to the endpoint while calls or watches are open, to notice a dead connection or a member without a leader. `false`: none.
   */
  readonly keepalive?:
    | false
    | {
        /** Milliseconds between questions. Default: 10,000. */
        readonly intervalMs?: number | undefined;
        /** How long an answer may take, in milliseconds. Default: 5,000. */
        readonly timeoutMs?: number | undefined;
      }
    | undefined;
  /** Retries of reads, and of writes that were certainly not applied. Other writes are never retried. */
  readonly retry?:
    | {
        /** The number of attempts of one call, from 1. Default: 3, or one for each endpoint if that is more. */
        readonly attempts?: number | undefined;
        /** The first delay, in milliseconds. It doubles, with jitter. Default: 100. */
        readonly initialMs?: number | undefined;
        /** The longest delay, in milliseconds. Default: 2,000. */
        readonly maxMs?: number | undefined;
      }
    | undefined;
  /**
   * The longest body of an answer, in bytes. A longer one fails as `too-large`. etcd answers a read of a whole prefix at once. Default:
   * 256 MiB.
   */
  readonly maxResponseBytes?: number | undefined;
  /** When the store accepts that its endpoints belong to another cluster than before. */
  readonly identity?: EtcdIdentityOptions | undefined;
  /** The default budget of a watch, in bytes (C11). See `WatchOptions.bufferBytes`. */
  readonly bufferBytes?: number | undefined;
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
  /** Gives a number in [0, 1), for jitter and for the choice of the first endpoint. */
  readonly random?: (() => number) | undefined;
}

/** The options with all defaults. */
export interface ResolvedOptions {
  readonly endpoints: readonly EndpointAddress[];
  readonly auth: (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined;
  /** Called for each new connection. @throws StoreError `invalid-argument` if certificates can't be used. */
  readonly security: () => Security;
  readonly headers: Readonly<Record<string, string>>;
  readonly connectMs: number;
  readonly requestMs: number | undefined;
  readonly keepalive: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
  readonly retry: { readonly attempts: number; readonly initialMs: number; readonly maxMs: number };
  readonly maxResponseBytes: number;
  readonly identity: EtcdIdentityOptions;
  readonly bufferBytes: number | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

const OPTION_NAMES = [
  ...[
    'endpoints',
    'auth',
    'tls',
    'headers',
    'timeouts',
    'keepalive',
    'retry',
    'maxResponseBytes',
    'identity',
    'bufferBytes',
  ],
  ...['logger', 'clock', 'random'],
] as const satisfies readonly (keyof EtcdV2Options)[];

const MAX_RESPONSE_BYTES = 256 * 1_024 * 1_024;

/** Headers that the adapter sets itself. */
const OWN_HEADERS: readonly string[] = [
  ...['authorization', 'connection', 'content-length', 'content-type', 'expect', 'host', 'keep-alive'],
  ...['transfer-encoding', 'upgrade'],
];

/** @throws StoreError `invalid-argument`, with the option's name */
export function resolveOptions(options: EtcdV2Options): ResolvedOptions {
  checkNames(options, OPTION_NAMES, 'etcdV2Store()');
  const { endpoints, auth, tls, headers = {}, timeouts = {}, keepalive = {}, retry = {} } = options;
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    throw invalid("endpoints must be an array of at least one URL, such as ['http://127.0.0.1:2379']");
  }
  checkNames(timeouts, ['connectMs', 'requestMs'], 'timeouts');
  checkNames(retry, ['attempts', 'initialMs', 'maxMs'], 'retry');
  if (keepalive !== false) checkNames(keepalive, ['intervalMs', 'timeoutMs'], 'keepalive');
  const addresses = endpoints.map(parseEndpoint);
  if (new Set(addresses.map(({ target }) => target)).size < addresses.length) {
    throw invalid('endpoints names one server twice; name each member once');
  }
  return {
    endpoints: addresses,
    auth: checkAuth(auth),
    security: checkTls(tls, addresses),
    headers: checkHeaders(headers),
    connectMs: positive(timeouts.connectMs ?? 5_000, 'timeouts.connectMs'),
    requestMs: timeouts.requestMs === undefined ? undefined : positive(timeouts.requestMs, 'timeouts.requestMs'),
    keepalive:
      keepalive === false
        ? undefined
        : {
            intervalMs: positive(keepalive.intervalMs ?? 10_000, 'keepalive.intervalMs'),
            timeoutMs: positive(keepalive.timeoutMs ?? 5_000, 'keepalive.timeoutMs'),
          },
    retry: {
      attempts: whole(retry.attempts ?? Math.max(3, addresses.length), 'retry.attempts'),
      initialMs: positive(retry.initialMs ?? 100, 'retry.initialMs'),
      maxMs: positive(retry.maxMs ?? 2_000, 'retry.maxMs'),
    },
    maxResponseBytes: whole(options.maxResponseBytes ?? MAX_RESPONSE_BYTES, 'maxResponseBytes'),
    identity: checkIdentity(options.identity),
    bufferBytes: options.bufferBytes,
    logger: safeLogger(options.logger),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

/** @throws StoreError `invalid-argument`. The message never repeats the credentials. */
export function checkCredentials(auth: unknown): EtcdCredentials {
  checkNames(auth, ['username', 'password'], 'auth');
  const { username, password } = auth as Partial<EtcdCredentials>;
  if (typeof username !== 'string' || username === '' || typeof password !== 'string') {
    throw invalid('auth must be { username, password } of strings, or a function that returns that');
  }
  // HTTP basic authentication ends the user name at the first colon.
  if (username.includes(':')) throw invalid('auth.username must not hold a colon');
  return { username, password };
}

function checkAuth(auth: EtcdV2Options['auth']): ResolvedOptions['auth'] {
  if (auth === undefined || typeof auth === 'function') return auth;
  const checked = checkCredentials(auth);
  return () => checked;
}

function checkTls(tls: EtcdV2Options['tls'], addresses: readonly EndpointAddress[]): () => Security {
  const plain = addresses.find(({ secure }) => !secure);
  const given = typeof tls === 'function' || Object.values(tls ?? {}).some((value) => value !== undefined);
  if (given && plain !== undefined) {
    throw invalid(
      `tls is given, but endpoint ${plain.name} is not secured: write https:// for all endpoints, or leave tls out`,
    );
  }
  if (typeof tls === 'function') return () => securityOf(tls());
  const security = securityOf(tls ?? {});
  return () => security;
}

function securityOf(tls: EtcdTlsOptions): Security {
  checkNames(tls, ['ca', 'cert', 'key', 'serverName', 'rejectUnauthorized'], 'tls');
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalid('tls.cert and tls.key go together: a client certificate needs its private key');
  }
  const { serverName, rejectUnauthorized = true } = tls;
  return { context: createTlsContext(tls), serverName, rejectUnauthorized };
}

function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[0-9A-Za-z_.-]+$/.test(name) || OWN_HEADERS.includes(name.toLowerCase())) {
      throw invalid(`headers: ${JSON.stringify(name)} is not a header that can be set: use letters, digits and dashes`);
    }
    if (typeof value !== 'string' || !/^[ -~]*$/.test(value)) {
      throw invalid(`headers: the value of ${JSON.stringify(name)} must be a string of printable ASCII characters`);
    }
  }
  return headers;
}

function positive(value: number, name: string): number {
  if (typeof value !== 'number' || !(value > 0 && value < 2 ** 31)) {
    throw invalid(`${name} must be a number of milliseconds above 0 and below 2^31, not ${String(value)}`);
  }
  return value;
}

function whole(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 1)
    throw invalid(`${name} must be a whole number from 1, not ${String(value)}`);
  return value;
}

/** Refuses unknown names: a misspelt option would silently do nothing. */
export function checkNames(value: unknown, allowed: readonly string[], what: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${what} takes an object of options`);
  const unknown = Object.keys(value).find((name) => !allowed.includes(name));
  if (unknown !== undefined) {
    throw invalid(`${what} has no option ${JSON.stringify(unknown)}; it takes ${allowed.join(', ')}`);
  }
}

function invalid(message: string): StoreError {
  return new StoreError('invalid-argument', message);
}
