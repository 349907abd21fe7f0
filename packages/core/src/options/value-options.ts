import type { Codec } from '../values/codec.js';
import type { EntryMeta } from '../entries/entry.js';
import type { InferOutput, StandardSchemaV1 } from '../values/standard-schema.js';

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
