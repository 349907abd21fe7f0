import type { Codec } from '../values/codec.js';
import type { EntryMeta } from '../entries/entry.js';
import type { InferOutput, StandardSchemaV1 } from '../values/standard-schema.js';

/** The type of a value after the schema, if there is one. */
export type Checked<Decoded, Schema> = Schema extends StandardSchemaV1 ? InferOutput<Schema> : Decoded;

/** How the values of a mirror, or of one of its collections, are read. */
export interface ValueOptions<Decoded, Schema extends StandardSchemaV1 | undefined, Value> {
  /** `json()`, `text()`, `bytes()`, `yaml()` or your own. Default: `json()` with a schema, `bytes()` without. */
  readonly codec?: Codec<Decoded> | undefined;
  /** A Standard Schema, such as those of zod, valibot and arktype. It must be synchronous. A value that fails it is a problem (M5). */
  readonly schema?: Schema;
  /** Turns a valid value into the one to show. It may throw to reject the value. */
  readonly transform?: ((value: Checked<Decoded, Schema>, meta: EntryMeta) => Value) | undefined;
}

/** {@link ValueOptions} without their types, as the mirror uses them. */
export interface AnyValueOptions {
  readonly codec?: Codec<unknown> | undefined;
  readonly schema?: StandardSchemaV1 | undefined;
  readonly transform?: ((value: never, meta: EntryMeta) => unknown) | undefined;
}

/** The keys of a collection: those below `prefix`, or the one `key`. Relative to the mirror's prefix. */
export interface CollectionPlace {
  /** Default: the collection's name and a slash. `routes` holds the keys below `routes/`. */
  readonly prefix?: string | undefined;
  readonly key?: string | undefined;
}

export type CollectionOptions = AnyValueOptions & CollectionPlace;

declare const valueType: unique symbol;

/** Options made by {@link collection}, with the type of their values. */
export type TypedCollection<Value> = { readonly [valueType]: Value };

/**
 * The options of one collection, whose `transform` is typed by its codec and schema:
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

/** The type of a collection's values; `Default` if it has neither schema nor codec of its own. */
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
