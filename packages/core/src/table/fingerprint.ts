import type { ListResult, Revision } from '@holdfast/store';
import type { Table } from './table.js';

/** A cheap comparison with the store: the number of keys, and the newest entry. */
export interface Fingerprint {
  /** The revision at which it was taken. */
  readonly revision: Revision;
  readonly count: number;
  /** The revision of the newest entry; `undefined` if there are none. */
  readonly newest: Revision | undefined;
}

/** The options of the `list` that reads a range's fingerprint: its newest entry, and `count`. */
export const FINGERPRINT_READ = {
  limit: 1,
  sort: { target: 'modRevision', order: 'descend' },
} as const;

/**
 * Whether a range read with {@link FINGERPRINT_READ} equals the table. In one history an equal fingerprint proves equality: every later
 * put would be the newest entry, and every later delete would leave fewer keys. In another history (M8) it is only evidence: the
 * newest entry's revisions and bytes are the same, and the number of keys.
 */
export function matchesFingerprint(table: Table, { count, newest }: Fingerprint, read: ListResult): boolean {
  if (read.count !== count) return false;
  const [item] = read.items;
  const [unreadable] = read.undecodable;
  if (item === undefined && unreadable === undefined) return count === 0;
  if (item !== undefined && (unreadable === undefined || item.modRevision > unreadable.revision)) {
    return item.modRevision === newest && table.holds(item);
  }
  return unreadable !== undefined && unreadable.revision === newest && table.holdsUndecodable(unreadable);
}
