import type { BackoffOptions, Clock, Logger } from '@holdfast/store';
import type { ChangeEvent } from '../events/change.js';
import type { Problem } from '../events/problem.js';
import type { StandardSchemaV1 } from '../values/standard-schema.js';
import type { MirrorState } from '../events/state.js';
import type { CollectionOptions, ValueOptions } from './value-options.js';

/** The options of all mirrors. Times are in milliseconds. */
export interface CommonOptions<C> {
  /** Called with every `change` event, including the load's. */
  readonly onChange?: ((event: ChangeEvent<C>) => unknown) | undefined;
  /** Called with every `invalid` event, including those of the load. */
  readonly onInvalid?: ((problem: Problem) => unknown) | undefined;
  /** Called with every `state` event. It also shows why the load fails while `mirror()` retries. */
  readonly onState?: ((state: MirrorState, previous: MirrorState) => unknown) | undefined;
  /**
   * `'eager'`, the default: values are decoded and checked when they arrive. `'lazy'`: on their first read, for large mirrors that are
   * read sparsely. A bad value is found only then.
   */
  readonly decode?: 'eager' | 'lazy' | undefined;
  /** With `decode: 'lazy'`: the most decoded values to keep. Default: all. */
  readonly cacheSize?: number | undefined;
  /** How old the last proof may get while the state says `live`. Default: 30,000. */
  readonly livenessMs?: number | undefined;
  /** How long `mirror()` retries to load. Default: 30,000. */
  readonly startTimeoutMs?: number | undefined;
  /** The default time-out of `sync()` and `waitFor()`. Default: 10,000. */
  readonly syncTimeoutMs?: number | undefined;
  /** How long the mirror leaves it to the watch to deliver a change that a read has shown. Then it reads the change. Default: 100. */
  readonly graceMs?: number | undefined;
  /**
   * How far behind, in revisions, the mirror may be after a lost connection and still catch up through the watch. Further behind, it
   * reads the changes. `Infinity`: it always waits for the watch first. Default: 1,000.
   */
  readonly replayRevisions?: number | undefined;
  /** How often the mirror compares everything with the store in the background. Default: never. */
  readonly auditEveryMs?: number | undefined;
  /**
   * The most keys for which a resync after a compaction reads everything. With more keys, it reads all keys and revisions, but only the
   * values that changed and the newest others. `Infinity`: it always reads everything. Default: 1,000.
   */
  readonly fullResyncKeys?: number | undefined;
  /** Its abort ends the mirror. While the mirror is loading, `mirror()` rejects with `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** The delays between attempts: random, below a ceiling that doubles from `initialMs` (100) to `maxMs` (5,000). */
  readonly backoff?: Pick<BackoffOptions, 'initialMs' | 'maxMs'> | undefined;
  readonly clock?: Clock | undefined;
  /** Gives a number in [0, 1), for jitter. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Gets the errors of listeners, and every failure after which the mirror retries. Default: none. */
  readonly logger?: Logger | undefined;
}

export type PrefixOptions<C, Decoded, Schema extends StandardSchemaV1 | undefined, Value> = CommonOptions<C> &
  ValueOptions<Decoded, Schema, Value> & {
    /** A plain string prefix: write `'/routes/'` for a directory, since `'/a'` also matches `'/ab'` (docs/traps.md#trap-13). `''` is everything. */
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
  /** The parts of the prefix, by name. They share one load, one watch and one bookmark, so they change together (M4). */
  readonly collections: Shape;
  /** For collections without a codec of their own. */
  readonly codec?: ValueOptions<Decoded, undefined, Decoded>['codec'];
  readonly key?: undefined;
};
