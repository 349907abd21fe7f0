import { readFileSync } from 'node:fs';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { Clock, Logger, StoreUrl } from '@holdfast/store';
import {
  backgroundClock,
  checkClock,
  checkMs,
  checkNames,
  checkWhole,
  invalidArgument,
  messageOf,
  parseStoreUrl,
  safeLogger,
  urlParams,
  type CreateStoreOptions,
  type RequestLimits,
} from '@holdfast/adapter-kit';
import { tablesOf, type Tables } from './sql/tables.js';

// As the types of `pg` say it: their users have them, and those of the store need not.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyListener = (...given: any[]) => void;

/** The part of a `pg` pool that the store uses. `new Pool()` of `pg` 8 is one. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  on?(event: 'error' | 'acquire', listener: AnyListener): unknown;
  off?(event: 'error' | 'acquire', listener: AnyListener): unknown;
  readonly options?: object;
  readonly Client?: unknown;
}

/** A client of such a pool. */
export interface PostgresClient {
  query(config: object): Promise<unknown>;
  on(event: string, listener: AnyListener): unknown;
  off(event: string, listener: AnyListener): unknown;
  release(destroy?: boolean | Error): void;
}

/** How connections are secured. `true`: with the authorities that the system trusts. */
export interface PostgresTls {
  /** Authorities to trust, as PEM text. */
  readonly ca?: string | undefined;
  /** The client's certificate, as PEM text. It needs `key`. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name in the server's certificate, where it is not the host's. */
  readonly serverName?: string | undefined;
  /** `false` accepts any certificate: whoever answers can then read the password. Default: `true`. */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** How much of the history is kept. */
export interface PostgresHistory {
  /** At least so many of the latest revisions can be read and watched. Default: 10,000. */
  readonly revisions?: number | undefined;
  /** At least the revisions of the last so many milliseconds can be. Default: 300,000, five minutes. */
  readonly ageMs?: number | undefined;
}

export interface PostgresTimeouts {
  /** The most milliseconds until a connection is there. Default: 5,000. */
  readonly connectMs?: number | undefined;
  /** The most milliseconds that the server may take for one request. Default: 30,000. */
  readonly requestMs?: number | undefined;
}

export interface PostgresStoreOptions extends CreateStoreOptions {
  /** `postgres://user:password@host:5432/database`, with several hosts where one of them is the primary. This or `pool`. */
  readonly connectionString?: string | undefined;
  /** A pool of `pg`. It is never ended. One more connection is opened with its options, to be notified. */
  readonly pool?: PostgresPool | undefined;
  /** The password, where it is not in the connection string. A function is asked for each new connection. */
  readonly password?: string | (() => string | Promise<string>) | undefined;
  readonly tls?: boolean | PostgresTls | undefined;
  /** The most bytes of keys and values in one request. Default: 1.5 MiB, as in etcd. */
  readonly maxRequestBytes?: number | undefined;
  /** The most operations, or compares, in a transaction. Default: 128, as in etcd. */
  readonly maxTxnOperations?: number | undefined;
  /** The schema that holds the store's tables. Each schema is a store of its own. Default: `'holdfast'`. */
  readonly schema?: string | undefined;
  /** Creates the schema and its tables where they are missing. Default: `true`. */
  readonly migrate?: boolean | undefined;
  readonly history?: PostgresHistory | false | undefined;
  readonly timeouts?: PostgresTimeouts | undefined;
  /** The most connections, without the one that is notified. Default: 4. */
  readonly maxConnections?: number | undefined;
  /**
   * Where to be notified of changes: another connection string to the same database, past a pooler in transaction mode. `false` keeps no
   * connection for it: watches then look every `pollMs`.
   */
  readonly listen?: { readonly connectionString: string } | false | undefined;
  /** How long a watch waits for a notification before it looks by itself, in milliseconds. Default: 1,000. */
  readonly pollMs?: number | undefined;
  /** How long the bookmark of a watch may lag behind the store while its own range is idle, in milliseconds. Default: 100. */
  readonly progressMs?: number | undefined;
  /** The store's name. Default: `'postgres'`. */
  readonly name?: string | undefined;
}

const OPTIONS: readonly string[] = [
  'connectionString',
  'pool',
  'password',
  'tls',
  'schema',
  'migrate',
  'history',
  'timeouts',
  'maxConnections',
  'listen',
  'maxRequestBytes',
  'maxTxnOperations',
  'pollMs',
  'progressMs',
  'name',
  'clock',
  'logger',
  'timeoutMs',
  'bufferBytes',
] satisfies (keyof PostgresStoreOptions)[];

/** What is given to Node's `tls.connect`. Published types may not need Node's own. */
export interface TargetTls {
  readonly rejectUnauthorized?: boolean | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly servername?: string | undefined;
  readonly checkServerIdentity?: ((host: string, certificate: object) => Error | undefined) | undefined;
}

/** A server, and how to sign in. */
export interface Target {
  /** At least one. A host that begins with `/` is a folder of sockets. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly password: PostgresStoreOptions['password'];
  readonly tls: TargetTls | undefined;
  readonly applicationName: string;
}

/** What the rest of the package works with. */
export interface Settings {
  readonly name: string;
  readonly target: Target | undefined;
  readonly pool: PostgresPool | undefined;
  readonly listen: Target | boolean;
  readonly tables: Tables;
  readonly migrate: boolean;
  /** `undefined` keeps everything until `compact()`. */
  readonly history: { readonly revisions: number; readonly ageMs: number } | undefined;
  readonly connectMs: number;
  readonly requestMs: number;
  readonly maxConnections: number;
  readonly limits: RequestLimits;
  readonly pollMs: number;
  readonly progressMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** @throws StoreError `invalid-argument`. The message repeats neither user nor password. */
export function resolveOptions(options: PostgresStoreOptions): Settings {
  const given = checkNames(options, OPTIONS, 'postgresStore()') as PostgresStoreOptions;
  const { connectionString, pool, listen, timeouts = {}, name = 'postgres', migrate = true } = given;
  if ((connectionString === undefined) === (pool === undefined)) {
    throw invalidArgument('postgresStore() takes a connectionString or a pool, and one of them');
  }
  if (pool !== undefined && typeof (pool as Partial<PostgresPool> | null)?.connect !== 'function') {
    throw invalidArgument('pool must be a pool of the package pg: new Pool({ … })');
  }
  if (pool !== undefined) checkAlone(given);
  if (typeof migrate !== 'boolean') throw invalidArgument('migrate must be true or false');
  if (typeof name !== 'string' || name === '') throw invalidArgument('name must be a text that is not empty');
  checkNames(timeouts, ['connectMs', 'requestMs'], 'timeouts');
  return {
    name,
    target: connectionString === undefined ? undefined : targetOf(connectionString, given),
    pool,
    listen: listenTarget(listen, given),
    tables: tablesOf(given.schema ?? 'holdfast'),
    migrate,
    history: historyOf(given.history),
    connectMs: checkMs(timeouts.connectMs ?? 5_000, 'timeouts.connectMs'),
    requestMs: checkMs(timeouts.requestMs ?? 30_000, 'timeouts.requestMs'),
    maxConnections: checkWhole(given.maxConnections ?? 4, 'maxConnections', 'connections'),
    limits: {
      maxRequestBytes: checkWhole(given.maxRequestBytes ?? 1.5 * 1024 * 1024, 'maxRequestBytes', 'bytes'),
      maxTxnOperations: checkWhole(given.maxTxnOperations ?? 128, 'maxTxnOperations', 'operations'),
    },
    pollMs: checkMs(given.pollMs ?? 1_000, 'pollMs'),
    progressMs: checkMs(given.progressMs ?? 100, 'progressMs'),
    clock: backgroundClock(checkClock(given.clock)),
    logger: safeLogger(given.logger),
  };
}

function checkAlone(given: PostgresStoreOptions): void {
  for (const option of ['password', 'tls', 'maxConnections'] as const) {
    if (given[option] !== undefined) throw invalidArgument(`give ${option} to the pool, and not beside it`);
  }
}

function listenTarget(listen: PostgresStoreOptions['listen'], given: PostgresStoreOptions): Target | boolean {
  if (listen === undefined) return true;
  if (listen === false) return false;
  const { connectionString } = checkNames(listen, ['connectionString'], 'listen');
  if (typeof connectionString !== 'string') throw invalidArgument('listen takes { connectionString }, or is false');
  return targetOf(connectionString, given);
}

/** A hundred years. */
const LONGEST_AGE_MS = 3_155_760_000_000;

function historyOf(history: PostgresStoreOptions['history']): Settings['history'] {
  if (history === false) return undefined;
  const { revisions = 10_000, ageMs = 300_000 } = checkNames(
    history,
    ['revisions', 'ageMs'],
    'history',
  ) as PostgresHistory;
  if (!(typeof ageMs === 'number' && ageMs >= 0 && Number.isFinite(ageMs))) {
    throw invalidArgument('history.ageMs must be a number of milliseconds from 0');
  }
  // PostgreSQL counts in intervals, and can't go back before the year -4713.
  return { revisions: checkWhole(revisions, 'history.revisions', 'revisions'), ageMs: Math.min(ageMs, LONGEST_AGE_MS) };
}

const SCHEMES = ['postgres', 'postgresql'];
/** What a connection string, and the URL of a store, may say behind its `?`. */
export const CONNECTION_PARAMS = [
  'host',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'tls',
  'ca',
  'cert',
  'key',
  'serverName',
  'passwordFile',
  'application_name',
] as const;

function targetOf(connectionString: unknown, given: PostgresStoreOptions): Target {
  if (typeof connectionString !== 'string' || !SCHEMES.some((scheme) => connectionString.startsWith(`${scheme}:`))) {
    throw invalidArgument('connectionString must be a text such as postgres://user:password@host:5432/database');
  }
  return targetOfUrl(parseStoreUrl(connectionString, 'own'), [], given);
}

/**
 * @param own parameters that are not about the connection, and are read by the caller
 * @throws StoreError `invalid-argument`. The message repeats neither user nor password.
 */
export function targetOfUrl(
  url: StoreUrl,
  own: readonly string[],
  given: Pick<PostgresStoreOptions, 'password' | 'tls'>,
): Target {
  const params = urlParams(
    url,
    [...CONNECTION_PARAMS, ...own],
    'the options of postgresStore() have the rest',
  ) as Partial<Record<(typeof CONNECTION_PARAMS)[number], string>>;
  const { endpoints, path, username, password } = url;
  const database = path.replace(/^\//, '');
  if (database.includes('/')) {
    throw invalidArgument('a postgres: URL has one path, the name of the database; a prefix of keys is ?prefix=');
  }
  const sources = [password, params.passwordFile, given.password].filter((each) => each !== undefined);
  if (sources.length > 1) throw invalidArgument('give the password once: in the URL, as passwordFile, or as an option');
  const { passwordFile } = params;
  return {
    hosts: hostsOf(endpoints, params.host),
    database: database === '' ? undefined : database,
    user: username,
    password: passwordFile === undefined ? (password ?? given.password) : () => readText(passwordFile, 'passwordFile'),
    tls: tlsOf(params, given.tls),
    applicationName: params.application_name ?? 'holdfast',
  };
}

function hostsOf(endpoints: readonly string[], socket: string | undefined): Target['hosts'] {
  if (socket !== undefined) {
    if (endpoints.length > 0) throw invalidArgument('the postgres: URL has a host twice: leave the parameter host out');
    return [{ host: socket, port: 5432 }];
  }
  const names = endpoints.length === 0 ? ['localhost'] : endpoints;
  return names.map((endpoint) => {
    const [, host = endpoint, port = '5432'] = /^(.*?)(?::(\d+))?$/.exec(endpoint) ?? [];
    return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
  });
}

function tlsOf(
  params: Partial<Record<(typeof CONNECTION_PARAMS)[number], string>>,
  option: PostgresStoreOptions['tls'],
): TargetTls | undefined {
  const ca = params.ca ?? params.sslrootcert;
  const cert = params.cert ?? params.sslcert;
  const key = params.key ?? params.sslkey;
  const { tls, sslmode, serverName } = params;
  if (sslmode !== undefined && !['disable', 'no-verify', 'require', 'verify-ca', 'verify-full'].includes(sslmode)) {
    throw invalidArgument(
      'sslmode must be disable, require, verify-full or no-verify: others leave it to whoever is on the way whether the connection is secure',
    );
  }
  if (tls !== undefined && tls !== 'true' && tls !== 'false')
    throw invalidArgument('the parameter tls is true or false');
  const isNamed = [ca, cert, key, serverName].some((each) => each !== undefined);
  const isAsked = isNamed || tls === 'true' || (sslmode !== undefined && sslmode !== 'disable');
  if (option !== undefined && option !== false) {
    if (isAsked || tls === 'false' || sslmode === 'disable') {
      throw invalidArgument('the connection string says how TLS is used, and so does the option tls: give one of them');
    }
    return option === true ? {} : tlsOptions(option);
  }
  if (!isAsked) return undefined;
  if (option === false || tls === 'false' || sslmode === 'disable') {
    throw invalidArgument('TLS is both asked for and switched off: say one of them');
  }
  return tlsOptions({
    ca: ca === undefined ? undefined : readText(ca, 'ca'),
    cert: cert === undefined ? undefined : readText(cert, 'cert'),
    key: key === undefined ? undefined : readText(key, 'key'),
    serverName,
    rejectUnauthorized: sslmode !== 'no-verify',
  });
}

function tlsOptions(given: PostgresTls): TargetTls {
  const {
    ca,
    cert,
    key,
    serverName,
    rejectUnauthorized = true,
  } = checkNames(given, ['ca', 'cert', 'key', 'serverName', 'rejectUnauthorized'], 'tls') as PostgresTls;
  if ((cert === undefined) !== (key === undefined))
    throw invalidArgument('a client certificate needs its key: give cert and key');
  return {
    rejectUnauthorized,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert, key }),
    ...(serverName !== undefined && {
      servername: serverName,
      // `pg` overwrites `servername` by a host that is a name.
      checkServerIdentity: (_host: string, certificate: object) =>
        checkServerIdentity(serverName, certificate as PeerCertificate),
    }),
  };
}

function readText(path: string, name: string): string {
  try {
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    if (text !== '') return text;
  } catch (error) {
    throw invalidArgument(
      `the file ${JSON.stringify(path)} of the parameter ${name} can't be read: ${messageOf(error)}`,
    );
  }
  throw invalidArgument(`the file ${JSON.stringify(path)} of the parameter ${name} is empty`);
}
