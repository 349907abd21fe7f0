import type { BackoffOptions, Clock, Logger } from '@holdfast/store';
import type { ChangeEvent } from '../events/change.js';
import type { Problem } from '../events/problem.js';
import type { StandardSchemaV1 } from '../values/standard-schema.js';
import type { MirrorState } from '../events/state.js';
import type { CollectionOptions, ValueOptions } from './value-options.js';

/** What all mirrors take. Times are in milliseconds. */
export interface CommonOptions<C> {
  /** Sees every `change` event, that of the load included. */
  readonly onChange?: ((event: ChangeEvent<C>) => unknown) | undefined;
  /** Sees every `invalid` event, those of the load included. */
  readonly onInvalid?: ((problem: Problem) => unknown) | undefined;
  /** Sees every `state` event: also why a load does not succeed, while `mirror()` keeps trying. */
  readonly onState?: ((state: MirrorState, previous: MirrorState) => unknown) | undefined;
  /**
   * `'eager'` (default): values are decoded and checked as they arrive. `'lazy'`: on their first read, for large mirrors
   * that are read sparsely; a bad value is found out only then.
   */
  readonly decode?: 'eager' | 'lazy' | undefined;
  /** With `decode: 'lazy'`: how many decoded values are kept. All, unless told. */
  readonly cacheSize?: number | undefined;
  /** How old the proof that the mirror is complete may get while its state says `live`. 30,000 unless told. */
  readonly livenessMs?: number | undefined;
  /** How long `mirror()` keeps trying to load. 30,000 unless told. */
  readonly startTimeoutMs?: number | undefined;
  /** How long `sync()` and `waitFor()` wait, unless they are told. 10,000 unless told. */
  readonly syncTimeoutMs?: number | undefined;
  /** How long a change that a read has shown may take to come through the watch, before it is read instead. 100 unless told. */
  readonly graceMs?: number | undefined;
  /**
   * By how many revisions the mirror may be behind the store after its connection was lost, and have them replayed by the watch; 1,000
   * unless told. Further behind, it reads what has changed. `Infinity`: it always waits for the watch first.
   */
  readonly replayRevisions?: number | undefined;
  /** How often everything is compared with the store in the background. Never, unless told. */
  readonly auditEveryMs?: number | undefined;
  /**
   * Up to how many keys a mirror is read whole when it resyncs after a compaction; 1,000 unless told. A larger one reads all keys and
   * revisions, but only those values that changed, and the newest others. `Infinity`: always whole.
   */
  readonly fullResyncKeys?: number | undefined;
  /** Ends the mirror when it aborts, whether it is loading (`mirror()` rejects with `aborted`) or long since in use. */
  readonly signal?: AbortSignal | undefined;
  /** Delays between attempts: a random part of a ceiling that doubles from `initialMs` (100) to `maxMs` (5,000). */
  readonly backoff?: Pick<BackoffOptions, 'initialMs' | 'maxMs'> | undefined;
  readonly clock?: Clock | undefined;
  /** A number in [0, 1) for jitter; `Math.random` unless told. */
  readonly random?: (() => number) | undefined;
  /** Where failing listeners and everything that the mirror rides out are reported. Nowhere, unless told. */
  readonly logger?: Logger | undefined;
}

export type PrefixOptions<C, Decoded, Schema extends StandardSchemaV1 | undefined, Value> = CommonOptions<C> &
  ValueOptions<Decoded, Schema, Value> & {
    /** A plain string prefix: write `'/routes/'` where a directory is meant, since `'/a'` takes in `'/ab'` (docs/traps.md#trap-13). `''` is everything. */
    readonly prefix: string;
    readonly key?: undefined;
    readonly collections?: undefined;
  };

export type KeyOptions<C, Decoded, Schema extends StandardSchemaV1 | undefined, Value> = CommonOptions<C> &
  ValueOptions<Decoded, Schema, Value> & {
    /** The one key to mirror. */
    readonly key: string;
    readonly prefix?: undefined;
    readonly collections?: undefined;
  };

export type CollectionsShape = Readonly<Record<string, CollectionOptions>>;

export type CollectionsOptions<C, Shape extends CollectionsShape, Decoded> = CommonOptions<C> & {
  readonly prefix: string;
  /** The parts of the prefix, by name. They share one load, one watch and one bookmark, so they step together (M4). */
  readonly collections: Shape;
  /** For collections that have none of their own. */
  readonly codec?: ValueOptions<Decoded, undefined, Decoded>['codec'];
  readonly key?: undefined;
};
