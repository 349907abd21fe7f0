import type { SortOrder } from '@holdfast/store';
import { type DriverListOptions, compareBytes } from '@holdfast/store/adapter';
import type { Interval } from '../data/byte-string.js';
import type { Version } from '../data/key-history.js';
import type { Mvcc } from '../data/mvcc.js';

/** The result of a list, as versions, not yet as entries. */
export interface Selection {
  readonly versions: readonly Version[];
  readonly count: number;
  readonly more: boolean;
}

type SelectOptions = Pick<DriverListOptions, 'limit' | 'countOnly' | 'minModRevision' | 'sort'> & {
  readonly revision: number | undefined;
};

/**
 * Selects the keys of a list. In key order, ascending or descending, it walks no further than the limit. Any other order walks
 * the whole range. The revision must be readable.
 */
export function select(mvcc: Mvcc, interval: Interval, options: SelectOptions): Selection {
  const { limit = Infinity, sort, revision, minModRevision } = options;
  const count = mvcc.count(interval, revision);
  if (options.countOnly) return { versions: [], count, more: false };
  const byKey = sort === undefined || sort.target === 'key';
  const versions: Version[] = [];
  mvcc.walk(
    interval,
    {
      revision,
      ...(minModRevision === undefined ? {} : { changedFrom: minModRevision }),
      descending: byKey && sort?.order === 'descend',
    },
    // One more than asked for, to know whether there are more.
    (version) => versions.push(version) <= limit || !byKey,
  );
  if (!byKey) versions.sort(ordering(sort));
  const more = versions.length > limit;
  if (more) versions.length = limit;
  return { versions, count, more };
}

function ordering(sort: SortOrder): (a: Version, b: Version) => number {
  const sign = sort.order === 'descend' ? -1 : 1;
  return (a, b) => sign * comparison(sort.target, a, b);
}

function comparison(target: SortOrder['target'], a: Version, b: Version): number {
  switch (target) {
    case 'key':
      return a.history.key < b.history.key ? -1 : a.history.key > b.history.key ? 1 : 0;
    case 'version':
      return a.version - b.version;
    case 'createRevision':
      return a.createRevision - b.createRevision;
    case 'modRevision':
      return a.modRevision - b.modRevision;
    case 'value':
      return compareBytes(a.value, b.value);
    default:
      return target satisfies never;
  }
}
