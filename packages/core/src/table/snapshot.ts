import type { Bookmark } from '@holdfast/store';
import { type AnyChange, changeBetween } from '../events/change.js';
import type { CollectionTable } from './collection-table.js';
import type { Table } from './table.js';

/** What is there now, as changes from nothing: what a replay delivers. `undefined` before the load. */
export function snapshotOf(
  table: Table,
  collections: readonly CollectionTable[],
): { readonly bookmark: Bookmark; readonly version: number; readonly changes: readonly AnyChange[] } | undefined {
  const { bookmark, version } = table;
  if (bookmark === undefined) return undefined;
  const changes: AnyChange[] = [];
  for (const collection of collections) {
    for (const entry of collection.entries.values()) {
      const change = changeBetween(collection.name, undefined, entry);
      if (change !== undefined) changes.push(change);
    }
  }
  return { bookmark, version, changes };
}
