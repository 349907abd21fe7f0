import { isStoreError, type Revision } from '@holdfast/store';
import { readPastCount } from '../reads/read-fingerprint.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Saved } from '../snapshot/read-saved.js';
import { KIND, type SavedRows } from '../snapshot/saved-rows.js';
import { prefixOf } from '../snapshot/show-saved.js';
import { isOtherOrOlder } from '../table/history.js';
import { Slicer } from '@holdfast/store/adapter';
import { toRawValue, sameRawValue } from '../values/raw-value.js';

/** What of a saved copy is compared with the past of the store. */
interface Print {
  readonly count: number;
  readonly newest: { readonly rows: SavedRows; readonly row: number; readonly modRevision: Revision } | undefined;
}

/**
 * Whether the store had, at the revision of a saved copy, as many keys as that, and its newest one (M8). `undefined` where that can't be
 * found out: the past is compacted, or the backend has none to be read.
 *
 * @throws StoreError where the store did not say; a mirror that closes does not wait for that
 */
export async function continuesSaved(runtime: Runtime, saved: Saved): Promise<boolean | undefined> {
  const { store, table, signal, settings } = runtime;
  const { bookmark } = saved.point;
  if (!store.capabilities.historicalReads) return undefined;
  const { count, newest } = await printOf(saved, new Slicer(settings.clock));
  try {
    const past = await readPastCount(runtime, signal, bookmark.revision);
    if (isOtherOrOlder(past.bookmark, bookmark) || past.count !== count) return false;
    if (newest === undefined) return true;
    const { rows, row, modRevision } = newest;
    const key = prefixOf(table) + rows.key(row);
    const item = await runtime.read('the check of the history', runtime.readTimeoutMs, signal, (deadline) =>
      store.get(key, { revision: bookmark.revision, signal: deadline.signal }),
    );
    if (item?.modRevision !== modRevision) return false;
    return rows.kinds[row] === KIND.unclaimed || sameRawValue(toRawValue(rows.value(row)), item.value);
  } catch (error) {
    if (isStoreError(error, 'compacted')) return undefined;
    // The store has not got as far: it was put back since the mirror has read it.
    if (isStoreError(error, 'future-revision')) return false;
    throw error;
  }
}

/** Keys that are not UTF-8 are counted, and can't be asked for. */
async function printOf({ rows: all }: Saved, slicer: Slicer): Promise<Print> {
  let count = 0;
  let newest: Print['newest'];
  for (const rows of all) {
    for (let row = 0; row < rows.length; row++) {
      if (slicer.isDue()) await slicer.pause();
      const kind = rows.kinds[row];
      if (rows.void.has(row) || kind === KIND.gone) continue;
      count += 1;
      const modRevision = rows.modRevision(row);
      if (kind !== KIND.unreadable && modRevision > (newest?.modRevision ?? 0)) newest = { rows, row, modRevision };
    }
  }
  return { count, newest };
}
