import { type Clock, type ConfigStore, type Logger, StoreError } from '@holdfast/store';
import {
  type BackoffOptions,
  checkClock,
  checkFlag,
  checkMs,
  checkNames,
  checkSignal,
  invalidArgument,
  safeLogger,
  safeRandom,
} from '@holdfast/store/adapter';
import { checkApart, isOneStore } from './apart.js';
import { checkPlaces, type Places } from './places.js';
import type { ReplicationState } from './state.js';

/**
 * What is done about a key of the target that others have written or deleted: `'stop'` ends the replication before it changes anything
 * more, `'skip'` leaves the key as it is, `'overwrite'` writes the source's value over it. Each is told as a conflict.
 */
export type ConflictPolicy = 'stop' | 'skip' | 'overwrite';

/** Options of `replicate()`. Times are in milliseconds. */
export interface ReplicateOptions {
  /** What is copied: all keys of the source under this plain string prefix. */
  readonly prefix: string;
  /** Where the target's keys are. Default: `prefix`. */
  readonly targetPrefix?: string | undefined;
  /**
   * The name of this replication, the same at each start: by it a replicator finds its record again. Letters, digits, `.`, `-` and `_`; a
   * letter or digit first.
   */
  readonly name: string;
  /**
   * The key of the record in the target. It must not be under `targetPrefix`, and nobody else may write it. Keys that begin with it and `~`
   * belong to the record too. Default: `/holdfast/replicate/` and the name.
   */
  readonly recordKey?: string | undefined;
  /**
   * Renames keys, or leaves them out where it returns `undefined`. It gets a key without `prefix`, and returns one without `targetPrefix`.
   * It must give the same answer each time, and no two keys the same one. Default: keys keep their names.
   */
  readonly mapKey?: ((key: string) => string | undefined) | undefined;
  /** Default: `'stop'`. */
  readonly onConflict?: ConflictPolicy | undefined;
  /**
   * Goes on although the source was restored or wiped, and makes the target equal to it, by deleting keys too. Default: false, the
   * replication ends with `history-changed` and leaves the target as it is.
   */
  readonly acceptHistory?: boolean | undefined;
  /** Sees every `state` event, those of the first copy included. */
  readonly onState?: ((state: ReplicationState, previous: ReplicationState) => unknown) | undefined;
  /** How long `replicate()` tries to reach each store before it rejects. Default: 30,000. */
  readonly startTimeoutMs?: number | undefined;
  /** How long `sync()` waits by default. Default: 30,000. */
  readonly syncTimeoutMs?: number | undefined;
  /** Delays between attempts: a random part of a ceiling that doubles from `initialMs` (100) to `maxMs` (5,000). */
  readonly backoff?: { readonly initialMs?: number | undefined; readonly maxMs?: number | undefined } | undefined;
  /** Ends the replication: `replicate()` rejects with `aborted`, or a running one closes. */
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
  /** A number in [0, 1) for jitter. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  readonly logger?: Logger | undefined;
}

/** The options, checked, with their defaults. */
export interface Settings {
  readonly name: string;
  readonly prefix: string;
  readonly places: Places;
  readonly mapKey: (key: string) => string | undefined;
  readonly onConflict: ConflictPolicy;
  readonly acceptHistory: boolean;
  readonly startTimeoutMs: number;
  readonly syncTimeoutMs: number;
  readonly backoff: BackoffOptions;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

const NAMES: readonly (keyof ReplicateOptions)[] = [
  ...(['prefix', 'targetPrefix', 'name', 'recordKey', 'mapKey', 'onConflict', 'acceptHistory', 'onState'] as const),
  ...(['startTimeoutMs', 'syncTimeoutMs', 'backoff', 'signal', 'clock', 'random', 'logger'] as const),
];
const POLICIES: readonly unknown[] = ['stop', 'skip', 'overwrite'];
const WAIT_MS = 30_000;

/** @throws StoreError `invalid-argument`, `unsupported` for a target that can't be written */
export function toSettings(source: ConfigStore, target: ConfigStore, given: ReplicateOptions): Settings {
  checkNames(given, NAMES, 'replicate()');
  const { prefix, name, mapKey, onConflict, onState, signal, startTimeoutMs, syncTimeoutMs } = given;
  if (typeof prefix !== 'string') throw invalidArgument('prefix must be a string');
  if (mapKey !== undefined && typeof mapKey !== 'function') throw invalidArgument('mapKey must be a function');
  if (onState !== undefined && typeof onState !== 'function') throw invalidArgument('onState must be a function');
  if (onConflict !== undefined && !POLICIES.includes(onConflict)) {
    throw invalidArgument("onConflict must be 'stop', 'skip' or 'overwrite'");
  }
  checkSignal(signal);
  if (target.capabilities.writes === false) {
    throw new StoreError('unsupported', `the ${target.name} store can't be written; replicate to another one`, {
      outcome: 'not-applied',
    });
  }
  const places = checkPlaces(given, target);
  if (isOneStore(source, target)) checkApart({ source, target, prefix, places });
  const random = safeRandom(given.random);
  const { initialMs, maxMs } = checkNames(given.backoff, ['initialMs', 'maxMs'], 'backoff');
  return {
    name,
    prefix,
    places,
    mapKey: mapKey ?? ((key) => key),
    onConflict: onConflict ?? 'stop',
    acceptHistory: checkFlag({ ...given }, 'acceptHistory'),
    startTimeoutMs: startTimeoutMs === undefined ? WAIT_MS : checkMs(startTimeoutMs, 'startTimeoutMs'),
    syncTimeoutMs: syncTimeoutMs === undefined ? WAIT_MS : checkMs(syncTimeoutMs, 'syncTimeoutMs'),
    backoff: {
      initialMs: initialMs === undefined ? undefined : checkMs(initialMs, 'backoff.initialMs'),
      maxMs: maxMs === undefined ? undefined : checkMs(maxMs, 'backoff.maxMs'),
      random,
    },
    signal,
    clock: checkClock(given.clock),
    random,
    logger: safeLogger(given.logger),
  };
}
