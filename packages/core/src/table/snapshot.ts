import { type AnyChange, changeBetween } from '../events/change.js';
import type { Snapshot } from '../events/change-feed.js';
import type { Table } from './table.js';

/**
 * The present content as changes from nothing, which a replay delivers. `undefined` before the load.
 *
 * @param only the name of a collection; all of them if absent
 */
export function snapshotOf(table: Table, only?: string): Snapshot<AnyChange> | undefined {
  const { bookmark, version } = table;
  if (bookmark === undefined) return undefined;
  const changes: AnyChange[] = [];
  for (const collection of table.collections) {
    if (only !== undefined && collection.name !== only) continue;
    for (const entry of collection.entries.values()) {
      const change = changeBetween(collection.name, undefined, entry);
      if (change !== undefined) changes.push(change);
    }
  }
  return { bookmark, version, changes };
}
