import { type ConfigStore, StoreError } from '@holdfast/store';
import { checkStore } from '@holdfast/store/adapter';
import { BaseMirror, type MirrorParts } from './views/base-mirror.js';
import type { AnyChange, Change, ChangeEvent } from './events/change.js';
import { Collection, SingleKey } from './views/collection.js';
import {
  type ChangeOf,
  CollectionsBase,
  type CollectionsMirror,
  type CollectionsOf,
} from './views/collections-mirror.js';
import { Runtime } from './runtime/runtime.js';
import type {
  Checked,
  CollectionsOptions,
  CollectionsShape,
  CommonOptions,
  KeyOptions,
  PrefixOptions,
  ShapeOf,
  Taken,
} from './options/options.js';
import { KeyMirror, Mirror } from './views/prefix-mirror.js';
import { type AnyOptions, toSettings } from './options/settings.js';
import { start } from './life/start.js';
import type { StandardSchemaV1 } from './values/standard-schema.js';
import { Writer } from './writes/writer.js';

/** The changes of the mirror that these options make. */
export type ChangeFor<Decoded, Value, Codecs, Schemas, Transforms, Keys> = [Codecs] extends [never]
  ? Change<NoInfer<Value>>
  : ChangeOf<ShapeOf<Codecs, Schemas, Transforms, Keys>, Decoded>;

/** The mirror that these options make: of collections, of a key, or of a prefix. */
export type MirrorFor<Decoded, Value, Key, Codecs, Schemas, Transforms, Keys, Input = never> = [Codecs] extends [never]
  ? [Key] extends [never]
    ? Mirror<Value, Input>
    : KeyMirror<Value, Input>
  : CollectionsMirror<ShapeOf<Codecs, Schemas, Transforms, Keys>, Decoded>;

/**
 * Keeps a prefix, a key or several collections of a store in memory, equal to the store. Resolves when everything is loaded.
 *
 * @throws StoreError `timeout` where the load did not succeed within `startTimeoutMs` (with the last failure as its cause),
 * `aborted` through `signal`, `invalid-argument` for options that can't be, and at once what no later attempt can heal
 */
export function mirror<
  Decoded = Uint8Array,
  Schema extends StandardSchemaV1 | undefined = undefined,
  Value = Checked<Decoded, Schema>,
  Key extends string = never,
  Codecs = never,
  Schemas = never,
  Transforms = never,
  Keys = never,
>(
  store: ConfigStore,
  options: CommonOptions<ChangeFor<Decoded, Value, Codecs, Schemas, Transforms, Keys>> &
    (
      | KeyOptions<Decoded, Schema, Value, Key>
      | CollectionsOptions<Codecs, Schemas, Transforms, Keys, Decoded>
      | PrefixOptions<Decoded, Schema, Value>
    ),
): Promise<
  MirrorFor<
    Decoded,
    Value,
    NoInfer<Key>,
    NoInfer<Codecs>,
    NoInfer<Schemas>,
    NoInfer<Transforms>,
    NoInfer<Keys>,
    Taken<Decoded, Schema>
  >
>;
export async function mirror(store: ConfigStore, given: object): Promise<unknown> {
  checkStore(store, 'mirror()');
  const settings = toSettings(given, RESERVED_NAMES);
  const options = given as AnyOptions;
  const runtime = new Runtime(store, settings);
  const { changes, events } = runtime.outlets;
  if (options.onChange !== undefined) changes.on(options.onChange as (event: ChangeEvent<AnyChange>) => unknown);
  if (options.onInvalid !== undefined) events.on('invalid', options.onInvalid);
  if (options.onState !== undefined) events.on('state', options.onState);
  const { done, loaded } = start(runtime);
  await loaded;
  return assemble(options, { runtime, done });
}

// Collections become properties of the mirror: what it has already, and `then`, which would make it a promise, are taken.
const RESERVED_NAMES: ReadonlySet<string> = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  ...Object.getOwnPropertyNames(BaseMirror.prototype),
  'collections',
  'then',
]);

function assemble(options: AnyOptions, parts: MirrorParts): unknown {
  const { outlets, table: whole } = parts.runtime;
  const { settings } = parts.runtime;
  const tables = whole.collections;
  const views = settings.collections.map(({ encoder }, index) => {
    const table = tables[index];
    if (table === undefined) throw new StoreError('internal', 'a collection without a table');
    const writer = new Writer(parts.runtime, table, encoder);
    const feed = outlets.changesOf(table.name);
    const { key } = table.range;
    return key === undefined
      ? new Collection<unknown, AnyChange>(table, feed, writer)
      : new SingleKey<unknown, AnyChange>(table.relative(key), table, feed, writer);
  });
  if (options.collections !== undefined) {
    const byName = Object.fromEntries(tables.map(({ name }, index) => [name ?? '', views[index]]));
    return new CollectionsBase(parts, byName as CollectionsOf<CollectionsShape, unknown>);
  }
  const [view] = views;
  const [table] = tables;
  if (view === undefined || table === undefined) throw new StoreError('internal', 'a mirror without a collection');
  if (view instanceof SingleKey) return new KeyMirror(parts, view as SingleKey<unknown>, table);
  return new Mirror(parts, view, table);
}
