import { type Bookmark, type ConfigStore, isStoreError, StoreError } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { isOtherOrOlder } from '../table/history.js';
import type { Mirror } from '../views/prefix-mirror.js';

export interface CheckHistoryOptions {
  readonly source: ConfigStore;
  readonly prefix: string;
  /** What was replicated last. */
  readonly last: Bookmark;
  /** How many keys the source had then, if everything was carried over. */
  readonly keys: number | undefined;
  readonly signal: AbortSignal;
  retry<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Checks that the source continues what was replicated: by its identity and revision, and by the number of its keys at that time.
 *
 * @throws StoreError `history-changed`
 */
export async function checkHistory(
  mirrored: Mirror<Uint8Array>,
  { source, prefix, last, keys, signal, ...context }: CheckHistoryOptions,
): Promise<void> {
  const { bookmark } = mirrored;
  checkGoesOn(bookmark, last, prefix);
  if (keys === undefined || !source.capabilities.historicalReads) return;
  const count = await context.retry(async () => {
    try {
      return (await source.list({ prefix }, { countOnly: true, revision: last.revision, signal })).count;
    } catch (error) {
      if (isStoreError(error, 'compacted')) return undefined;
      // The source went back after the mirror had read it.
      if (isStoreError(error, 'future-revision')) throw otherHistory(last, undefined, prefix);
      throw error;
    }
  });
  if (count !== undefined && count !== keys) throw otherHistory(last, bookmark, prefix);
  // What is compacted can't be counted. A store that was wiped has no key from before.
  if (count !== undefined || keys === 0 || !source.capabilities.versions) return;
  for (const entry of mirrored.values()) if (entry.createRevision <= last.revision) return;
  throw otherHistory(last, bookmark, prefix);
}

/** @throws StoreError `history-changed` if the source's state is of another history than what was replicated, or older */
export function checkGoesOn(state: Bookmark, last: Bookmark, prefix: string): void {
  if (isOtherOrOlder(state, last)) throw otherHistory(last, state, prefix);
}

export function otherHistory(from: Bookmark, to: Bookmark | undefined, prefix: string): StoreError {
  const now = to === undefined ? 'has not got that far' : `is at revision ${to.revision} of ${to.identity}`;
  return new StoreError(
    'history-changed',
    `the source's ${KeyRange.ofPrefix(prefix).toString()} does not continue what was replicated ` +
      `(revision ${from.revision} of history ${from.identity}; it ${now}): ` +
      `it was restored or wiped, or is another store; the target was left as it is; ` +
      `give acceptHistory: true to make it equal to the source all the same`,
    { outcome: 'not-applied' },
  );
}
