import type { Bookmark, Revision } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';

/** The most revisions that the number of keys makes worth a replay. */
const MOST_REPLAYED = 10_000;

/**
 * How many revisions a store may replay for a mirror, before a read takes less. Servers look through all revisions of a replay, and for a read of
 * what has changed, or a fingerprint, at all keys: that costs about the same for each. Of the revisions, few may be the mirror's.
 */
export function mostReplayed({ settings }: Runtime, keys: number): number {
  return Math.max(settings.replayRevisions, Math.min(keys, MOST_REPLAYED));
}

/**
 * Where a watch begins that is to prove the history (M8): before the oldest event that the table remembers, and before its newest entry;
 * and not so far back that the store would have more to do for it than for a read of the range. `undefined` if that can't be had.
 *
 * @param notBefore what the store has compacted
 */
export function replayStart(runtime: Runtime, notBefore: number): Bookmark | undefined {
  const { table, store } = runtime;
  const { bookmark } = table;
  if (bookmark === undefined || !store.capabilities.historicalReads) return undefined;
  const { count, newest } = table.fingerprint();
  const { oldest } = table.recent;
  const first = Math.max(2, notBefore + 1, bookmark.revision - mostReplayed(runtime, count) + 1);
  const wanted = Math.min(newest ?? Infinity, oldest ?? Infinity);
  // Nothing that is known may be gone by now: then a count says it all.
  if (wanted === Infinity) return bookmark;
  const start = Math.max(first, wanted);
  if (start > (newest ?? bookmark.revision)) return undefined;
  return { revision: (start - 1) as Revision, identity: bookmark.identity };
}
