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
import { StoreError, type Capabilities, type Clock, type Logger } from '@holdfast/store';
import { safeLogger, systemClock } from '@holdfast/store/adapter';

export interface EtcdV3Options {
  /** The members: `http://host:2379`, `https://host:2379` or `unix:/path`. With several the store fails over. */
  readonly endpoints: readonly string[];
  /** A user, or a function that returns the current one. It is called for each new token, so passwords can change. */
  readonly auth?: EtcdCredentials | (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined;
  /** TLS material, or a function that returns it. It is called for each new connection, so certificates can change. */
  readonly tls?: EtcdTlsOptions | (() => EtcdTlsOptions) | undefined;
  /** gRPC metadata sent with every call. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly timeouts?:
    | {
        /** How long it may take to reach any endpoint, in milliseconds. Then calls fail with `unavailable`. Default: 5,000. */
        readonly connectMs?: number | undefined;
        /** The default of every call's `timeoutMs`. Default: none. */
        readonly requestMs?: number | undefined;
      }
    | undefined;
  /** Pings while calls or watches are open, to notice a dead connection. `false`: none. */
  readonly keepalive?:
    | false
    | {
        /** Milliseconds between pings, at least 5,000: etcd closes connections that ping more often. Default: 10,000. */
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
  readonly watch?:
    | {
        /** How often an idle watch's bookmark moves, in milliseconds, on servers that answer in order (3.5.8 and newer). Default: 5,000. */
        readonly progressMs?: number | undefined;
        /** After this time without any message the watch stream is tested, in milliseconds. Default: 30,000. */
        readonly silenceMs?: number | undefined;
      }
    | undefined;
  /** The servers' limits, if you know them. The store checks them before anything is sent, and declares them as capabilities. */
  readonly limits?:
    | {
        /** The servers' `--max-txn-ops`. etcd's default is 128. */
        readonly maxTxnOperations?: number | undefined;
        /** The servers' `--max-request-bytes`. etcd's default is 1.5 MiB. */
        readonly maxRequestBytes?: number | undefined;
      }
    | undefined;
  /**
   * The longest message that is taken from a server, in bytes, and the most that a watch response may come to in fragments. What is
   * longer is `too-large`. Default: 1 GiB.
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
  readonly watch: { readonly progressMs: number | undefined; readonly silenceMs: number | undefined };
  readonly limits: Pick<Capabilities, 'maxTxnOperations' | 'maxRequestBytes'>;
  readonly maxResponseBytes: number;
  readonly identity: EtcdIdentityOptions;
  readonly bufferBytes: number | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

/** The default of `maxResponseBytes`. */
export const MAX_RESPONSE_BYTES = 2 ** 30;
/** gRPC counts in 32 bits. */
const MOST_RESPONSE_BYTES = 2 ** 31 - 1;

/** etcd's floor for pings (`--grpc-keepalive-min-time`). More frequent ones end the connection with "too_many_pings". */
export const MIN_KEEPALIVE_MS = 5_000;

const OPTION_NAMES = [
  ...['endpoints', 'auth', 'tls', 'headers', 'timeouts', 'keepalive', 'retry', 'watch'],
  ...['limits', 'maxResponseBytes', 'identity', 'bufferBytes', 'logger', 'clock', 'random'],
] as const satisfies readonly (keyof EtcdV3Options)[];

/** @throws StoreError `invalid-argument`, with the option's name */
export function resolveOptions(options: EtcdV3Options): ResolvedOptions {
  checkNames(options, OPTION_NAMES, 'etcdV3Store()');
  const {
    endpoints,
    auth,
    tls,
    headers = {},
    timeouts = {},
    keepalive = {},
    retry = {},
    watch = {},
    limits = {},
  } = options;
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    throw invalid("endpoints must be an array of at least one URL, such as ['http://127.0.0.1:2379']");
  }
  checkNames(timeouts, ['connectMs', 'requestMs'], 'timeouts');
  checkNames(retry, ['attempts', 'initialMs', 'maxMs'], 'retry');
  checkNames(limits, ['maxTxnOperations', 'maxRequestBytes'], 'limits');
  checkNames(watch, ['progressMs', 'silenceMs'], 'watch');
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
    requestMs: optionalMs(timeouts.requestMs, 'timeouts.requestMs'),
    keepalive:
      keepalive === false
        ? undefined
        : {
            intervalMs: checkKeepalive(keepalive.intervalMs ?? 10_000),
            timeoutMs: positive(keepalive.timeoutMs ?? 5_000, 'keepalive.timeoutMs'),
          },
    retry: {
      attempts: whole(retry.attempts ?? Math.max(3, addresses.length), 'retry.attempts'),
      initialMs: positive(retry.initialMs ?? 100, 'retry.initialMs'),
      maxMs: positive(retry.maxMs ?? 2_000, 'retry.maxMs'),
    },
    watch: {
      progressMs: optionalMs(watch.progressMs, 'watch.progressMs'),
      silenceMs: optionalMs(watch.silenceMs, 'watch.silenceMs'),
    },
    limits: checkLimits(limits),
    maxResponseBytes: checkResponseBytes(options.maxResponseBytes ?? MAX_RESPONSE_BYTES),
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
    throw invalid('the option auth must be { username, password } of strings, or a function that returns that');
  }
  return { username, password };
}

function checkAuth(auth: EtcdV3Options['auth']): ResolvedOptions['auth'] {
  if (auth === undefined || typeof auth === 'function') return auth;
  const checked = checkCredentials(auth);
  return () => checked;
}

function checkTls(tls: EtcdV3Options['tls'], addresses: readonly EndpointAddress[]): () => Security {
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
    if (
      !/^[0-9a-z_.-]+$/.test(name) ||
      name.startsWith('grpc-') ||
      name.endsWith('-bin') ||
      ['token', 'hasleader'].includes(name)
    ) {
      throw invalid(
        `headers: ${JSON.stringify(name)} is not a header that can be set: use lower-case letters, digits and dashes`,
      );
    }
    if (typeof value !== 'string' || !/^[ -~]*$/.test(value)) {
      throw invalid(`headers: the value of ${JSON.stringify(name)} must be a string of printable ASCII characters`);
    }
  }
  return headers;
}

function checkKeepalive(intervalMs: number): number {
  if (positive(intervalMs, 'keepalive.intervalMs') < MIN_KEEPALIVE_MS) {
    throw invalid(
      `keepalive.intervalMs must be at least ${MIN_KEEPALIVE_MS}: etcd closes connections that ping more often`,
    );
  }
  return intervalMs;
}

function positive(value: number, name: string): number {
  if (typeof value !== 'number' || !(value > 0 && value < 2 ** 31)) {
    throw invalid(`${name} must be a number of milliseconds above 0 and below 2^31, not ${String(value)}`);
  }
  return value;
}

function checkLimits({
  maxTxnOperations,
  maxRequestBytes,
}: NonNullable<EtcdV3Options['limits']>): ResolvedOptions['limits'] {
  return {
    ...(maxTxnOperations === undefined ? {} : { maxTxnOperations: whole(maxTxnOperations, 'limits.maxTxnOperations') }),
    ...(maxRequestBytes === undefined ? {} : { maxRequestBytes: whole(maxRequestBytes, 'limits.maxRequestBytes') }),
  };
}

function checkResponseBytes(bytes: number): number {
  if (whole(bytes, 'maxResponseBytes') <= MOST_RESPONSE_BYTES) return bytes;
  throw invalid(`maxResponseBytes must be at most ${MOST_RESPONSE_BYTES}: gRPC knows no longer messages`);
}

function optionalMs(value: number | undefined, name: string): number | undefined {
  return value === undefined ? undefined : positive(value, name);
}

function whole(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 1)
    throw invalid(`${name} must be a whole number from 1, not ${String(value)}`);
  return value;
}

/** Refuses unknown names: a misspelt option would silently do nothing. */
function checkNames(value: unknown, allowed: readonly string[], what: string): void {
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
