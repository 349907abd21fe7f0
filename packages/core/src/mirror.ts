import { type ConfigStore, StoreError } from '@holdfast/store';
import { BaseMirror, type MirrorParts, type OtherEvents } from './views/base-mirror.js';
import type { AnyChange, Change, ChangeEvent, ChangeIn } from './events/change.js';
import { ChangeFeed } from './events/change-feed.js';
import { Collection, SingleKey } from './views/collection.js';
import type { CollectionTable } from './table/collection-table.js';
import {
  type ChangeOf,
  CollectionsBase,
  type CollectionsMirror,
  type CollectionsOf,
} from './views/collections-mirror.js';
import { Runtime } from './runtime/runtime.js';
import { Events } from './events/events.js';
import type { Checked, CollectionsOptions, CollectionsShape, KeyOptions, PrefixOptions } from './options/options.js';
import { KeyMirror, Mirror } from './views/prefix-mirror.js';
import { type AnyOptions, type Settings, toSettings } from './options/settings.js';
import { snapshotOf } from './table/snapshot.js';
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
  const options = given as AnyOptions;
  const settings = toSettings(options, RESERVED_NAMES);
  const outlets = new Outlets(settings);
  const runtime = new Runtime(store, settings, {
    isHeard: () => outlets.isHeard,
    onChanges: (changes, bookmark, version, cause) => {
      if (changes.length > 0)
        outlets.publish(Object.freeze({ bookmark, version, cause, changes: Object.freeze(changes) }));
    },
    onInvalid: (problem) => {
      outlets.events.emit('invalid', problem);
    },
    onState: (state, previous) => {
      outlets.events.emit('state', state, previous);
      if (state.status === 'closed') outlets.close();
    },
    onResync: (event) => {
      outlets.events.emit('resync', event);
    },
  });
  outlets.open(runtime);
  if (options.onChange !== undefined) outlets.feed.on(options.onChange as (event: ChangeEvent<AnyChange>) => unknown);
  if (options.onInvalid !== undefined) outlets.events.on('invalid', options.onInvalid);
  if (options.onState !== undefined) outlets.events.on('state', options.onState);
  const { done, loaded } = start(runtime);
  await loaded;
  return assemble(options, { runtime, feed: outlets.feed, events: outlets.events, done }, outlets);
}

// Collections become properties of the mirror: what it has already, and `then`, which would make it a promise, are taken.
const RESERVED_NAMES: ReadonlySet<string> = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  ...Object.getOwnPropertyNames(BaseMirror.prototype),
  'collections',
  'then',
]);

/** Where the changes and other events of one mirror go. */
class Outlets {
  readonly events: Events<OtherEvents>;
  readonly #settings: Settings;
  readonly #byName = new Map<string, ChangeFeed<AnyChange>>();
  #feed: ChangeFeed<AnyChange> | undefined;
  #publishing: 'no' | 'yes' | 'to be closed after' = 'no';

  constructor(settings: Settings) {
    this.#settings = settings;
    this.events = new Events(settings.logger);
  }

  open(runtime: Runtime): void {
    const { clock, logger } = this.#settings;
    const feedOf = (tables: readonly CollectionTable[]) =>
      new ChangeFeed<AnyChange>({ clock, logger, snapshot: () => snapshotOf(runtime.table, tables) });
    this.#feed = feedOf(runtime.table.collections);
    for (const table of runtime.table.collections)
      if (table.name !== undefined) this.#byName.set(table.name, feedOf([table]));
  }

  get feed(): ChangeFeed<AnyChange> {
    if (this.#feed === undefined) throw new StoreError('internal', 'the mirror has no feed yet');
    return this.#feed;
  }

  feedOf(table: CollectionTable): ChangeFeed<AnyChange> {
    return (table.name === undefined ? undefined : this.#byName.get(table.name)) ?? this.feed;
  }

  get isHeard(): boolean {
    return this.feed.isHeard || [...this.#byName.values()].some((feed) => feed.isHeard);
  }

  publish(event: ChangeEvent<AnyChange>): void {
    this.#publishing = 'yes';
    this.feed.publish(event);
    for (const [name, feed] of this.#byName) {
      if (!feed.isHeard) continue;
      const changes = event.changes.filter(({ collection }) => collection === name);
      if (changes.length > 0) feed.publish(Object.freeze({ ...event, changes: Object.freeze(changes) }));
    }
    const closes = this.#publishing !== 'yes';
    this.#publishing = 'no';
    if (closes) this.close();
  }

  close(): void {
    // One of the listeners has closed the mirror: the others, too, see it to the end of the step that it shows (M4, M11).
    if (this.#publishing !== 'no') {
      this.#publishing = 'to be closed after';
      return;
    }
    this.feed.close();
    for (const feed of this.#byName.values()) feed.close();
    this.events.clear();
  }
}

function assemble(options: AnyOptions, parts: MirrorParts<AnyChange>, outlets: Outlets): unknown {
  const { collections: tables } = parts.runtime.table;
  const views = tables.map((table) => {
    const feed = outlets.feedOf(table);
    const { key } = table.range;
    return key === undefined
      ? new Collection<unknown, AnyChange>(table, feed)
      : new SingleKey<unknown, AnyChange>(table.relative(key), table, feed);
  });
  if (options.collections !== undefined) {
    const byName = Object.fromEntries(tables.map(({ name }, index) => [name ?? '', views[index]]));
    return new CollectionsBase(
      parts as MirrorParts<ChangeIn<string, unknown>>,
      byName as CollectionsOf<CollectionsShape, unknown>,
    );
  }
  const [view] = views;
  const [table] = tables;
  if (view === undefined || table === undefined) throw new StoreError('internal', 'a mirror without a collection');
  if (view instanceof SingleKey) return new KeyMirror(parts, view as SingleKey<unknown>, table);
  return new Mirror(parts, view, table);
}
