import type { ListResult } from '@holdfast/store';
import type { Fingerprint, Table } from './table.js';

/** Options of the `list` that reads a range's fingerprint: its newest entry, and `count`. */
export const FINGERPRINT_READ = {
  limit: 1,
  sort: { target: 'modRevision', order: 'descend' },
} as const;

/**
 * Whether a range read with {@link FINGERPRINT_READ} is what the table holds. In one history that proves equality wherever nothing
 * newer than the table is in the answer: every later put would be the newest entry, and every later delete would leave fewer keys.
 * In another history (M8) it is evidence: the newest entry's revisions and bytes, and the number of keys, are the same.
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
