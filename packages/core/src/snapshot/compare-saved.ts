import type { Clock } from '@holdfast/store';
import { Slicer } from '@holdfast/store/adapter';
import type { Revisions } from '../entries/entry.js';
import type { CollectionTable } from '../table/collection-table.js';
import type { Table } from '../table/table.js';
import { mapFor } from '../util/large-map.js';
import type { Saved } from './read-saved.js';
import { KIND, type SavedRows } from './saved-rows.js';
import { prefixOf } from './show-saved.js';
import { sameRawValue } from '../values/raw-value.js';

/** How a table compares with a saved copy. */
export interface Comparison {
  /** Whether no history leads from the copy to the table: the table has, from up to the copy's revision, what the copy has not. */
  readonly contradicts: boolean;
  /** How many keys the copy has, and how many of them the table has not. What is only gone proves nothing. */
  readonly keys: number;
  readonly gone: number;
}

interface SavedRow {
  readonly rows: SavedRows;
  readonly row: number;
}

const CONTRADICTS: Comparison = { contradicts: true, keys: 0, gone: 0 };

/** Compares a table with a saved copy. The table may change meanwhile, within its history. */
export async function compareSaved(saved: Saved, table: Table, clock: Clock): Promise<Comparison> {
  const slicer = new Slicer(clock);
  const { bookmark } = saved.point;
  const prefix = prefixOf(table);
  const rowCount = saved.rows.reduce((count, { length }) => count + length, 0);
  const known = mapFor<SavedRow>(rowCount);
  for (const rows of saved.rows) {
    for (let row = 0; row < rows.length; row++) {
      const kind = rows.kinds[row];
      if (!rows.void.has(row) && kind !== KIND.gone && kind !== KIND.unreadable)
        known.set(prefix + rows.key(row), { rows, row });
      if (slicer.isDue()) await slicer.pause();
    }
  }
  if (bookmark.identity !== table.bookmark?.identity || bookmark.revision > table.revision) return CONTRADICTS;
  let found = 0;
  for (const key of table.keys()) {
    if (slicer.isDue()) await slicer.pause();
    const collection = table.layout.find(key);
    const revisions = revisionsOf(table, collection, key);
    if (revisions === undefined) continue;
    const before = known.get(key);
    const { modRevision, createRevision = modRevision } = revisions;
    if (before === undefined) {
      if ((table.hasStableLives ? createRevision : modRevision) <= bookmark.revision) return CONTRADICTS;
    } else {
      found += 1;
      if (createRevision <= bookmark.revision && isOtherLife(table, revisions, before)) return CONTRADICTS;
      if (modRevision > bookmark.revision) continue;
      if (before.rows.modRevision(before.row) !== modRevision || hasOtherValue(table, collection, key, before))
        return CONTRADICTS;
    }
  }
  return { contradicts: false, keys: known.size, gone: Math.max(0, known.size - found) };
}

/** Whether a key that was there at the copy's revision, and lives on, was created at another one. Of unclaimed keys that is not kept. */
function isOtherLife(table: Table, { createRevision }: Partial<Revisions>, { rows, row }: SavedRow): boolean {
  if (!table.hasStableLives || createRevision === undefined || rows.kinds[row] === KIND.unclaimed) return false;
  return rows.createRevision(row) !== createRevision;
}

/** Of the same revision, but of another history. Where one of the two is not claimed any more, or yet, its value is not there to be compared. */
function hasOtherValue(
  table: Table,
  collection: CollectionTable | undefined,
  key: string,
  { rows, row }: SavedRow,
): boolean {
  const isUnclaimed = rows.kinds[row] === KIND.unclaimed;
  if (collection === undefined) {
    return isUnclaimed && table.unclaimed.get(key)?.digest !== rows.details.get(row)?.digest;
  }
  const raw = collection.saved(collection.relative(key))?.current.raw;
  return !isUnclaimed && raw !== undefined && !sameRawValue(raw, rows.value(row));
}

function revisionsOf(
  table: Table,
  collection: CollectionTable | undefined,
  key: string,
): (Partial<Revisions> & Pick<Revisions, 'modRevision'>) | undefined {
  return collection === undefined ? table.unclaimed.get(key) : collection.revisions(collection.relative(key));
}
