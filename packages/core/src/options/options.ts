import type { Clock, Logger } from '@holdfast/store';
import type { BackoffOptions } from '@holdfast/store/adapter';
import type { ChangeEvent } from '../events/change.js';
import type { Codec } from '../values/codec.js';
import type { EntryMeta } from '../entries/entry.js';
import type { Problem } from '../events/problem.js';
import type { InferOutput, StandardSchemaV1 } from '../values/standard-schema.js';
import type { MirrorState } from '../events/state.js';

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
  /**
   * Lets the process end although the mirror is open. `mirror()`, `sync()`, `waitFor()` and `close()` keep it alive until they are done.
   * Default: an open mirror keeps the process alive.
   */
  readonly unref?: boolean | undefined;
  /** Ends the mirror when it aborts, whether it is loading (`mirror()` rejects with `aborted`) or long since in use. */
  readonly signal?: AbortSignal | undefined;
  /** Delays between attempts: a random part of a ceiling that doubles from `initialMs` (100) to `maxMs` (5,000). */
  readonly backoff?: Pick<BackoffOptions, 'initialMs' | 'maxMs'> | undefined;
  readonly clock?: Clock | undefined;
  /** A number in [0, 1) for jitter; `Math.random` unless told. */
  readonly random?: (() => number) | undefined;
  /** The mirror's name in log messages and figures, for processes with several. Its prefix or key by default. */
  readonly name?: string | undefined;
  /** Where failing listeners and everything that the mirror rides out are reported. Nowhere, unless told. */
  readonly logger?: Logger | undefined;
}

/** A value after the schema, if there is one. */
export type Checked<Decoded, Schema> = Schema extends StandardSchemaV1 ? InferOutput<Schema> : Decoded;

/** How the values of a mirror, or of one of its collections, are read. */
export interface ValueOptions<Decoded, Schema extends StandardSchemaV1 | undefined, Value> {
  /** `json()`, `text()`, `bytes()`, `yaml()` or your own. Without one, values are bytes, or JSON where there is a schema. */
  readonly codec?: Codec<Decoded> | undefined;
  /** A Standard Schema: what zod, valibot, arktype and others make. A value that fails it is a problem (M5). Must be synchronous. */
  readonly schema?: Schema;
  /** What becomes of a valid value. Throws for one that is bad all the same. */
  readonly transform?: ((value: Checked<Decoded, Schema>, meta: EntryMeta) => Value) | undefined;
}

/** {@link ValueOptions} whose types are not looked at: what the mirror works with. */
export interface AnyValueOptions {
  readonly codec?: Codec<unknown> | undefined;
  readonly schema?: StandardSchemaV1 | undefined;
  readonly transform?: ((value: never, meta: EntryMeta) => unknown) | undefined;
}

/** Which keys a collection is: those under `prefix`, or the one `key`. Relative to the mirror's prefix. */
export interface CollectionPlace {
  /** Its name and a slash, unless told: `routes` is what is under `routes/`. */
  readonly prefix?: string | undefined;
  readonly key?: string | undefined;
}

export type CollectionOptions = AnyValueOptions & CollectionPlace;

declare const valueType: unique symbol;

/** Options that {@link collection} has checked, with the type of value that comes of them. */
export type TypedCollection<Value> = { readonly [valueType]: Value };

/**
 * Options of one collection, with `transform` typed by what the codec and the schema give:
 * `collections: { routes: collection({ schema: Route, transform: (route) => compile(route) }) }`.
 */
export function collection<
  Decoded = Uint8Array,
  Schema extends StandardSchemaV1 | undefined = undefined,
  Value = Checked<Decoded, Schema>,
  const Place extends CollectionPlace = object,
>(options: ValueOptions<Decoded, Schema, Value> & Place): CollectionOptions & Place & TypedCollection<Value> {
  return options as unknown as CollectionOptions & Place & TypedCollection<Value>;
}

/** The type of a collection's values; `Default` where it has neither schema nor codec of its own. */
export type CollectionValue<Options, Default> =
  Options extends TypedCollection<infer Value>
    ? Value
    : Options extends { readonly transform: (...args: never[]) => infer Value }
      ? Value
      : Options extends { readonly schema: infer Schema extends StandardSchemaV1 }
        ? InferOutput<Schema>
        : Options extends { readonly codec: Codec<infer Decoded> }
          ? Decoded
          : Default;

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
