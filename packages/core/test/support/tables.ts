import type { Bookmark, KeyValue, Page, Revision, UndecodableKey, WatchBatch, WatchEvent } from '@holdfast/store';
import { encodeUtf8, KeyRange, ListPage, Slicer } from '@holdfast/store/adapter';
import { virtualClock } from '@holdfast/testkit';
import { json } from '../../src/index.js';
import { CollectionTable, type CollectionTableOptions } from '../../src/table/collection-table.js';
import { Decoder } from '../../src/entries/decoder.js';
import { Restore } from '../../src/table/restore.js';
import type { Step } from '../../src/events/step.js';
import { Table } from '../../src/table/table.js';

export const IDENTITY = 'history';
export const clock = virtualClock();

export function at(revision: number, identity = IDENTITY): Bookmark {
  return { revision: revision as Revision, identity };
}

export function kv(key: string, value: unknown, modRevision: number, createRevision = modRevision): KeyValue {
  return {
    key,
    value: encodeUtf8(typeof value === 'string' ? value : JSON.stringify(value)),
    modRevision: modRevision as Revision,
    createRevision: createRevision as Revision,
    version: 1,
  };
}

export function put(key: string, value: unknown, revision: number, createRevision?: number): WatchEvent {
  const current = kv(key, value, revision, createRevision);
  return { type: 'put', revision: current.modRevision, current, isCreate: current.createRevision === revision };
}

export function remove(key: string, revision: number): WatchEvent {
  return { type: 'delete', revision: revision as Revision, key };
}

export function raw(bytes: readonly number[], revision: number, deleted = false): UndecodableKey {
  return { rawKey: Uint8Array.from(bytes), revision: revision as Revision, deleted };
}

export function batch(
  revision: number,
  events: readonly WatchEvent[],
  undecodable: readonly UndecodableKey[] = [],
): WatchBatch {
  return { kind: 'events', bookmark: at(revision), events, undecodable };
}

export interface TableSetup {
  readonly single?: boolean;
  readonly stableCreateRevisions?: boolean;
  readonly decode?: 'eager' | 'lazy';
}

/** A table over `/p/` with collections `a/` and `b/`, and one key, `one`; or with a single collection. */
export function newTable({ single = false, stableCreateRevisions = true, decode = 'eager' }: TableSetup = {}): Table {
  const common: Omit<CollectionTableOptions, 'where' | 'hidden'> = {
    decoder: new Decoder(json(), undefined, undefined),
    decode,
    cache: undefined,
    clock,
    onInvalid: () => undefined,
  };
  const collections = single
    ? [new CollectionTable({ ...common, where: { prefix: '/p/' }, hidden: 3 })]
    : [
        new CollectionTable({ ...common, name: 'a', where: { prefix: '/p/a/' }, hidden: 5 }),
        new CollectionTable({ ...common, name: 'b', where: { prefix: '/p/b/' }, hidden: 5 }),
        new CollectionTable({ ...common, name: 'one', where: { key: '/p/one' }, hidden: 3 }),
      ];
  return new Table({ range: KeyRange.ofPrefix(''), collections, clock, stableCreateRevisions });
}

export async function restore(
  table: Table,
  revision: number,
  items: readonly KeyValue[],
  { newHistory = false, identity = IDENTITY, collect = true, undecodable = [] as readonly UndecodableKey[] } = {},
): Promise<Step> {
  const slicer = new Slicer(clock);
  const staged = new Restore(table, { newHistory, collect });
  const bookmark = at(revision, identity);
  const count = items.length + undecodable.length;
  const page: Page = new ListPage({ items, bookmark, count, more: false, undecodable }, false);
  await staged.add(page, slicer);
  await staged.finish(slicer);
  return staged.commit();
}

/** Everything that a table shows, by collection and key. */
export function content(table: Table): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const collection of table.collections) {
    for (const [key, entry] of collection.shown()) found[`${collection.name ?? ''}:${key}`] = entry.value;
  }
  return found;
}
