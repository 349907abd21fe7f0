import type { Clock } from '@holdfast/store';
import { Slicer } from '@holdfast/store/adapter';
import type { Step } from '../events/step.js';
import { Revive } from '../table/revive.js';
import type { Table } from '../table/table.js';
import { SnapshotRefusal } from './header.js';
import type { Saved } from './read-saved.js';
import { KIND, type SavedRows } from './saved-rows.js';

/**
 * Makes an empty table what it was when it was saved, in one step, which `commit` of the result makes.
 *
 * @param collect whether anyone wants the changes one by one
 * @throws SnapshotRefusal where the copy lacks values that the mirror's collections need
 */
export async function showSaved(table: Table, saved: Saved, collect: boolean, clock: Clock): Promise<() => Step> {
  const slicer = new Slicer(clock);
  const prefix = prefixOf(table);
  const keys = saved.rows.reduce((sum, { length }) => sum + length, 0);
  const revive = new Revive(table, keys, collect);
  const unreadable: {
    readonly rawKey: Uint8Array;
    readonly row: number;
    readonly rows: SavedRows;
    readonly since: number;
  }[] = [];
  for (const rows of saved.rows) {
    for (let row = 0; row < rows.length; row++) {
      if (slicer.isDue()) await slicer.pause();
      if (rows.void.has(row)) continue;
      const kind = rows.kinds[row];
      if (kind === KIND.gone) continue;
      if (kind === KIND.good) {
        revive.add(prefix + rows.key(row), rows, row);
        continue;
      }
      const { lastGood, since, digest = 0, rawKey } = rows.details.get(row) ?? {};
      if (kind === KIND.unreadable) {
        if (rawKey !== undefined) unreadable.push({ rawKey, row, rows, since: since ?? 0 });
      } else if (kind === KIND.unclaimed) {
        const isNone = revive.addUnclaimed(prefix + rows.key(row), { modRevision: rows.modRevision(row), digest });
        if (!isNone) throw new SnapshotRefusal('it was written for other collections, and lacks values of these');
      } else revive.add(prefix + rows.key(row), rows, row, { lastGood, since });
    }
  }
  return () => {
    for (const { rawKey, row, rows, since } of unreadable)
      table.undecodable.addSaved(rawKey, rows.modRevision(row), since);
    return revive.commit(saved.point.bookmark);
  };
}

/** What a snapshot leaves out of each key. */
export function prefixOf({ range }: Pick<Table, 'range'>): string {
  return range.prefix ?? '';
}
