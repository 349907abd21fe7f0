import type { Clock, Logger } from '@holdfast/store';
import type { ChangeEvent } from '../events/change.js';
import type { Codec } from '../values/codec.js';
import type { EntryMeta } from '../entries/entry.js';
import type { Problem } from '../events/problem.js';
import type { InferInput, InferOutput, StandardSchemaV1 } from '../values/standard-schema.js';
import type { MirrorState } from '../events/state.js';
import type { SnapshotStore } from '../snapshot/snapshot-store.js';
import type { ReservedName } from './reserved-name.js';

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
   * unless told, or as many as it has keys, up to 10,000. Further behind, it reads what has changed. `Infinity`: it always waits for the watch first.
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
  readonly backoff?: { readonly initialMs?: number | undefined; readonly maxMs?: number | undefined } | undefined;
  /**
   * Keeps a last known good copy of the mirror, and starts from it where the store is not there: `fileSnapshot(path)` from
   * `@holdfast/core/file-snapshot`, or any other {@link SnapshotStore}. Default: none.
   */
  readonly snapshot?: SnapshotStore | undefined;
  /**
   * How long `mirror()` waits for the store before it shows the snapshot. Where every endpoint refuses at once, it does not wait. Default:
   * 2,000.
   */
  readonly snapshotAfterMs?: number | undefined;
  /** From which age on a snapshot is not shown: the mirror then waits for the store. Default: there is none. */
  readonly snapshotMaxAgeMs?: number | undefined;
  /**
   * The name of the store in the snapshot. A snapshot of another name is not used. Default: the endpoints of the store, or the name of its
   * adapter. Set it where endpoints change while the data stays.
   */
  readonly snapshotName?: string | undefined;
  /** How much older than the mirror the file of `fileSnapshot()` may be. Default: 5,000. */
  readonly saveAfterMs?: number | undefined;
  /** The least time between two calls of `save()` of another snapshot store. Default: its own `saveEveryMs`, or 60,000. */
  readonly saveEveryMs?: number | undefined;
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

/** What a value is written as: what the schema takes, or what the codec gives where there is no schema. */
export type Taken<Decoded, Schema> = Schema extends StandardSchemaV1 ? InferInput<Schema> : Decoded;

/** How the values of a mirror, or of one of its collections, are read. */
export interface ValueOptions<Decoded, Schema extends StandardSchemaV1 | undefined, Value> {
  /** `json()`, `text()`, `bytes()`, `yaml()` or your own. Default: `json()` where there is a schema, otherwise `bytes()`. */
  readonly codec?: Codec<Decoded> | undefined;
  /**
   * Checks each decoded value: a schema of zod, valibot, arktype or any other library that follows Standard Schema. It must be synchronous.
   * A value that fails becomes a problem, and the mirror goes on to show the last good one.
   */
  readonly schema?: Schema;
  /** Makes the value that the mirror shows from a valid one. Throw for a value that is bad all the same: it becomes a problem. */
  readonly transform?: ((value: Checked<Decoded, Schema>, meta: EntryMeta) => Value) | undefined;
}

/** {@link ValueOptions} of any types: `codec`, `schema` and `transform`. */
export interface AnyValueOptions {
  readonly codec?: Codec<unknown> | undefined;
  readonly schema?: StandardSchemaV1 | undefined;
  // oxlint-disable-next-line typescript/no-explicit-any -- The type of the value is that of another option.
  readonly transform?: ((value: any, meta: EntryMeta) => unknown) | undefined;
}

/** The keys of a collection: those under `prefix`, or the one `key`. Both are relative to the mirror's prefix. */
export interface CollectionPlace {
  /** Default: the collection's name and a slash, so `routes` has the keys under `routes/`. */
  readonly prefix?: string | undefined;
  /** The collection's one key. */
  readonly key?: string | undefined;
}

/** Options of a collection, of any types. */
export type CollectionOptions = AnyValueOptions & CollectionPlace;

/** What {@link collection} makes: options of one collection, with the type of its values. */
export interface TypedCollection<Decoded, Schema, Value, Key> {
  readonly codec?: Codec<Decoded> | undefined;
  readonly schema?: Schema;
  readonly transform?: ((value: Checked<Decoded, Schema>, meta: EntryMeta) => Value) | undefined;
  readonly prefix?: PrefixBeside<Key> | undefined;
  readonly key?: Key;
}

/**
 * Types the options of one collection apart from the `mirror()` that uses them:
 * `const routes = collection({ schema: Route, transform: (route) => compile(route) })`.
 */
export function collection<
  Decoded = Uint8Array,
  Schema extends StandardSchemaV1 | undefined = undefined,
  Value = Checked<Decoded, Schema>,
  const Key extends string | undefined = undefined,
>(
  options: ValueOptions<Decoded, Schema, Value> & {
    readonly prefix?: PrefixBeside<Key> | undefined;
    readonly key?: Key;
  },
): TypedCollection<Decoded, Schema, Value, Key> {
  return options;
}

/** The type of a collection's values; `Default` where it has neither schema nor codec of its own. */
export type CollectionValue<Options, Default> = Options extends {
  readonly transform: (...args: never[]) => infer Value;
}
  ? Value
  : Options extends { readonly schema: infer Schema extends StandardSchemaV1 }
    ? InferOutput<Schema>
    : Options extends { readonly codec: Codec<infer Decoded> }
      ? Decoded
      : Default;

/** The type in which a collection's values are written; `Default` where it has neither schema nor codec of its own. */
export type CollectionInput<Options, Default> = Options extends {
  readonly schema: infer Schema extends StandardSchemaV1;
}
  ? InferInput<Schema>
  : Options extends { readonly codec: Codec<infer Decoded> }
    ? Decoded
    : Default;

/** Shown by the compiler where options name two places. */
export type OnePlace = 'a mirror or a collection has a prefix or a key: leave this one out';

/** The type of a collection's prefix: a collection with a key has none. */
export type PrefixBeside<Key> = undefined extends Key ? string : [Key] extends [string] ? OnePlace : string;

/** A mirror of all keys under a prefix. */
export type PrefixOptions<Decoded, Schema extends StandardSchemaV1 | undefined, Value> = ValueOptions<
  Decoded,
  Schema,
  Value
> & {
  /** A plain string prefix: write `'/routes/'` where a directory is meant, since `'/a'` takes in `'/ab'`. `''` is everything. */
  readonly prefix: string;
  readonly key?: OnePlace | undefined;
  readonly collections?: undefined;
};

/** A mirror of one key. */
export type KeyOptions<Decoded, Schema extends StandardSchemaV1 | undefined, Value, Key extends string> = ValueOptions<
  Decoded,
  Schema,
  Value
> & {
  /** The one key to mirror. */
  readonly key: Key;
  readonly prefix?: OnePlace | undefined;
  readonly collections?: undefined;
};

/** Options of several collections, by name. */
export type CollectionsShape = Readonly<Record<string, CollectionOptions>>;

/**
 * The options of all collections. Each type parameter has one option of every collection by the collection's name, or `unknown` where the
 * collection has none: so each `transform` learns its value's type from its own collection.
 */
export type CollectionsIn<Codecs, Schemas, Transforms, Keys, Default> = {
  readonly [Name in keyof Codecs]: { readonly codec?: (Codecs[Name] & SomeCodec) | undefined };
} & {
  readonly [Name in keyof Schemas]: { readonly schema?: (Schemas[Name] & SomeSchema) | undefined };
} & {
  readonly [Name in keyof Keys]: {
    readonly key?: (Keys[Name] & SomeKey) | undefined;
    readonly prefix?: (string extends Name ? string : PrefixBeside<Keys[Name]>) | undefined;
  };
} & {
  readonly [Name in keyof Transforms]: {
    readonly transform?:
      | (Transforms[Name] &
          ((
            value: CollectionValue<{ readonly codec: At<Codecs, Name>; readonly schema: At<Schemas, Name> }, Default>,
            meta: EntryMeta,
          ) => unknown))
      | undefined;
  };
} & {
  readonly [
    Name in keyof Keys as Name extends ReservedName ? Name : never
  ]: `a mirror has a member of this name: choose another name, and give prefix: '${Name & string}/'`;
};

/** The collections of {@link CollectionsIn} by name, each with its own options. Names known only at run time have values of type `unknown`. */
export type ShapeOf<Codecs, Schemas, Transforms, Keys> = string extends keyof Codecs
  ? Readonly<Record<string, { readonly codec: Codec<unknown> }>>
  : {
      readonly [Name in keyof Codecs & string]: {
        readonly codec: Codecs[Name];
        readonly schema: At<Schemas, Name>;
        readonly transform: At<Transforms, Name>;
        readonly key: At<Keys, Name>;
      };
    };

// Other types than what an option usually has: the compiler infers nothing to an intersection with a part that is the option's own type.
/** A {@link Codec}: `json()`, `text()`, `bytes()`, `yaml()` or your own. */
export type SomeCodec = Pick<Codec<unknown>, 'decode'>;
/** A schema that follows Standard Schema, such as one of zod. */
export type SomeSchema = Pick<StandardSchemaV1, '~standard'>;
/** A key, a string. */
export type SomeKey = Pick<string, 'charAt'>;

type At<Options, Name> = Name extends keyof Options ? Options[Name] : unknown;

/** A mirror of several collections under one prefix. */
export interface CollectionsOptions<Codecs, Schemas, Transforms, Keys, Decoded> {
  /** What all collections are below, as a plain string prefix. `''` is everything. */
  readonly prefix: string;
  /**
   * The parts of the prefix, by name. They share one load, one watch and one bookmark, so they change together. Write `collections` before
   * `onChange`: TypeScript then knows what each `transform` returns when it types the changes.
   */
  readonly collections: CollectionsIn<Codecs, Schemas, Transforms, Keys, NoInfer<Decoded>>;
  /** For collections that have none of their own. */
  readonly codec?: Codec<Decoded> | undefined;
  readonly schema?: undefined;
  readonly transform?: undefined;
  readonly key?: OnePlace | undefined;
}
