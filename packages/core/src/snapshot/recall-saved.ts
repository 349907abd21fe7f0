import type { Slicer } from '@holdfast/store/adapter';
import { Slab } from '../entries/slab.js';
import type { Restore } from '../table/restore.js';
import type { Table } from '../table/table.js';
import type { Saved } from './read-saved.js';
import { KIND, type SavedRows } from './saved-rows.js';
import { prefixOf } from './show-saved.js';

/**
 * Tells a first load what a saved copy has of the keys that it has read: a value that is bad now, or was already, must not cost the last good
 * one, only because the store answers in time.
 */
export async function recallSaved(saved: Saved, restore: Restore, table: Table, slicer: Slicer): Promise<void> {
  if (!restore.hasDoubts) return;
  const prefix = prefixOf(table);
  for (const rows of saved.rows) {
    const slab = new Slab(rows);
    for (let row = 0; row < rows.length; row++) {
      if (slicer.isDue()) await slicer.pause();
      if (rows.void.has(row) || !isVersion(rows, row)) continue;
      const { lastGood, since } = rows.details.get(row) ?? {};
      restore.recall(prefix + rows.key(row), { slab, index: row }, rows.kinds[row] === KIND.good, (collection, key) => {
        const prepare = (index: number) => collection.prepare(key, slab.revisions(index), rows.value(index));
        return collection.settleSaved(prepare(row), lastGood === undefined ? undefined : prepare(lastGood), since);
      });
    }
  }
}

function isVersion({ kinds }: SavedRows, row: number): boolean {
  const kind = kinds[row];
  return kind === KIND.good || kind === KIND.bad || kind === KIND.badAfterGood || kind === KIND.uncheckedAfterGood;
}
