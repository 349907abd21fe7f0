import type { Clock, Logger } from '@holdfast/store';
import {
  backgroundClock,
  checkClock,
  checkMs,
  checkNames,
  checkWhole,
  invalidArgument,
  safeLogger,
  type CreateStoreOptions,
  type RequestLimits,
} from '@holdfast/adapter-kit';
import { tablesOf, type Tables } from './sql/tables.js';
import { targetOf, type PostgresTls, type Target } from './target.js';

// As the types of `pg` say it: their users have them, and those of the store need not.
// oxlint-disable-next-line typescript/no-explicit-any
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
