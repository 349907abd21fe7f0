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
import type { Checked, CollectionsOptions, CollectionsShape, KeyOptions, PrefixOptions } from './options/options.js';
import { KeyMirror, Mirror } from './views/prefix-mirror.js';
import { type AnyOptions, toSettings } from './options/settings.js';
import { start } from './life/start.js';
import type { StandardSchemaV1 } from './values/standard-schema.js';

/**
 * Keeps a prefix, a key or several collections of a store in memory, equal to the store. `docs/mirror.md` has the promises
 * M1 to M12. Resolves when everything is loaded.
 *
 * @throws StoreError `timeout` where the load did not succeed within `startTimeoutMs` (with the last failure as its cause),
 * `aborted` through `signal`, `invalid-argument` for options that can't be, and at once what no later attempt can heal
 */
export function mirror<Shape extends CollectionsShape, Decoded = Uint8Array>(
  store: ConfigStore,
  options: CollectionsOptions<ChangeOf<Shape, Decoded>, Shape, Decoded>,
): Promise<CollectionsMirror<Shape, Decoded>>;
export function mirror<
  Decoded = Uint8Array,
  Schema extends StandardSchemaV1 | undefined = undefined,
  Value = Checked<Decoded, Schema>,
>(store: ConfigStore, options: KeyOptions<Change<NoInfer<Value>>, Decoded, Schema, Value>): Promise<KeyMirror<Value>>;
export function mirror<
  Decoded = Uint8Array,
  Schema extends StandardSchemaV1 | undefined = undefined,
  Value = Checked<Decoded, Schema>,
>(store: ConfigStore, options: PrefixOptions<Change<NoInfer<Value>>, Decoded, Schema, Value>): Promise<Mirror<Value>>;
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
  const tables = whole.collections;
  const views = tables.map((table) => {
    const feed = outlets.changesOf(table.name);
    const { key } = table.range;
    return key === undefined
      ? new Collection<unknown, AnyChange>(table, feed)
      : new SingleKey<unknown, AnyChange>(table.relative(key), table, feed);
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
