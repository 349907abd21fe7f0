import type { LeaseId } from '@holdfast/store';
import { compareBytes, satisfies, type DriverCompare } from '@holdfast/store/adapter';

/** What can be compared of an entry. */
export interface Comparable {
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version?: number;
  readonly lease?: LeaseId | undefined;
}

/**
 * Whether one entry passes a compare of a transaction. Of a key that is not there, zeros are compared, and values never match.
 *
 * Where an entry has no version, `version = 0` and `version > 0` still tell whether it is there.
 */
export function comparePasses(compare: DriverCompare, entry: Comparable | undefined): boolean {
  switch (compare.target) {
    case 'value':
      return entry !== undefined && satisfies(compare.op, compareBytes(entry.value, compare.value));
    case 'lease': {
      const difference = BigInt(entry?.lease ?? 0) - BigInt(compare.value);
      return satisfies(compare.op, difference < 0n ? -1 : difference > 0n ? 1 : 0);
    }
    case 'version':
      return satisfies(compare.op, (entry === undefined ? 0 : (entry.version ?? 1)) - compare.value);
    case 'createRevision':
    case 'modRevision':
      return satisfies(compare.op, (entry?.[compare.target] ?? 0) - compare.value);
    default:
      return compare satisfies never;
  }
}

/** Whether a compare holds: for its key, or for every key of its range. If there is none, it is that of a key that is not there. */
export function compareHolds(compare: DriverCompare, entries: readonly Comparable[]): boolean {
  return entries.length === 0
    ? comparePasses(compare, undefined)
    : entries.every((entry) => comparePasses(compare, entry));
}
