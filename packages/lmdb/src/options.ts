import type { Clock } from '@holdfast/store';
import type { CreateStoreOptions } from '@holdfast/store/adapter';
import {
  checkClock,
  checkFlag,
  checkMs,
  checkNames,
  checkWhole,
  invalidArgument,
  textOf,
} from '@holdfast/store/adapter';
import { resolve } from 'node:path';

/** How long changes are kept, for watches that come back and for reads of past revisions. What is older is compacted. */
export interface HistoryOptions {
  /** How many revisions are kept. Default: 100,000. */
  readonly revisions?: number | undefined;
  /** For how long changes are kept, in milliseconds. It begins anew with each start of the machine. Default: no limit. */
  readonly ageMs?: number | undefined;
}

export interface LmdbStoreOptions extends CreateStoreOptions {
  /** The folder of the store. It holds nothing else, and is on a disk of this machine. It is made when it is not there. */
  readonly path: string;
  /**
   * `'always'`: a write is acknowledged once it is flushed to disk. `'batched'`: once the operating system has it and all data before it is
   * flushed, so that a power cut may undo the last moments. Neither damages the file. Default: `'always'`.
   */
  readonly sync?: 'always' | 'batched' | undefined;
  readonly history?: HistoryOptions | undefined;
  /** How much the data may take in the file, in bytes, history included. Puts that find more are refused. Default: 2 GiB, as in etcd. */
  readonly quotaBytes?: number | undefined;
  /** How long a write of another process may stay unseen when its doorbell did not ring, in milliseconds. Default: 1,000. */
  readonly pollMs?: number | undefined;
  /** How long the bookmark of a watch may lag behind the store while its own range is idle, in milliseconds. Default: 100. */
  readonly progressMs?: number | undefined;
  /** Makes the store when there is none in the folder. Default: `true`. */
  readonly create?: boolean | undefined;
  /** The most bytes of keys and values in one request. Default: 1.5 MiB, as in etcd. */
  readonly maxRequestBytes?: number | undefined;
  /** The most operations, or compares, in a transaction. Default: 128, as in etcd. */
  readonly maxTxnOperations?: number | undefined;
  /** The store's name. Default: `'lmdb'`. */
  readonly name?: string | undefined;
  /**
   * The clock of timers, and of leases. By default leases are judged by the time since the machine started, which all processes share: with a
   * clock of your own, all processes on the folder must have the same one. For tests.
   */
  readonly clock?: Clock | undefined;
}

/** The options, checked, with their defaults. */
export interface ResolvedOptions {
  readonly path: string;
  readonly sync: 'always' | 'batched';
  readonly history: { readonly revisions: number; readonly ageMs: number | undefined };
  readonly quotaBytes: number;
  readonly pollMs: number;
  readonly progressMs: number;
  readonly create: boolean;
  readonly maxRequestBytes: number;
  readonly maxTxnOperations: number;
  readonly name: string;
  readonly clock: Clock;
}

const NAMES = [
  'path',
  'sync',
  'history',
  'quotaBytes',
  'pollMs',
  'progressMs',
  'create',
  'maxRequestBytes',
  'maxTxnOperations',
  'name',
  'clock',
  'logger',
  'timeoutMs',
  'bufferBytes',
];

const MIB = 1024 * 1024;
const MIN_QUOTA = MIB;
const MAX_QUOTA = 256 * 1024 * MIB;

/** @throws StoreError `invalid-argument` */
export function resolveOptions(options: LmdbStoreOptions): ResolvedOptions {
  const given = checkNames(options, NAMES, 'lmdbStore()');
  const { path, sync = 'always', name = 'lmdb' } = options;
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw invalidArgument(`lmdbStore() needs path, the folder of the store, such as './data', not ${textOf(path)}`);
  }
  if (!['always', 'batched'].includes(sync))
    throw invalidArgument(`sync must be 'always' or 'batched', not ${textOf(sync)}`);
  if (typeof name !== 'string' || name === '')
    throw invalidArgument('name must be a string with at least one character');
  const history = checkNames(options.history, ['revisions', 'ageMs'], 'the option history') as HistoryOptions;
  const quotaBytes = whole('quotaBytes', options.quotaBytes, 2 * 1024 * MIB, 'bytes');
  if (quotaBytes < MIN_QUOTA || quotaBytes > MAX_QUOTA) {
    throw invalidArgument(`quotaBytes must be from ${MIN_QUOTA} to ${MAX_QUOTA}, not ${quotaBytes}`);
  }
  return {
    path: resolve(path),
    sync,
    history: {
      revisions: whole('history.revisions', history.revisions, 100_000, 'revisions'),
      ageMs: history.ageMs === undefined ? undefined : whole('history.ageMs', history.ageMs, 0, 'milliseconds'),
    },
    quotaBytes,
    pollMs: checkMs(options.pollMs ?? 1_000, 'pollMs'),
    progressMs: checkMs(options.progressMs ?? 100, 'progressMs'),
    create: options.create === undefined ? true : checkFlag(given, 'create'),
    maxRequestBytes: whole('maxRequestBytes', options.maxRequestBytes, 1.5 * MIB, 'bytes'),
    maxTxnOperations: whole('maxTxnOperations', options.maxTxnOperations, 128, 'operations'),
    name,
    clock: checkClock(options.clock),
  };
}

function whole(name: string, given: number | undefined, byDefault: number, unit: string): number {
  return given === undefined ? byDefault : checkWhole(given, name, unit);
}
