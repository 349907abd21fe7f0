import type { Bookmark, Revision } from '@holdfast/store';
import { emptyTables } from '../errors.js';
import { number, optional, text, type Row } from './literals.js';
import { SERVER, type Tables } from './tables.js';

/** Where the store stands, as one statement saw it. */
export interface Meta {
  readonly identity: string;
  readonly head: number;
  readonly compacted: number;
  /** Whether the server was checked since it started, crashed or was promoted. Nothing is served before. */
  readonly isChecked: boolean;
  /** In how many milliseconds the first lease expires, where there are any. */
  readonly nextExpiryMs: number | undefined;
}

/** The newest revision. Never a column that each write updates: under another application's long transaction its dead rows would pile up. */
export const headOf = (t: Tables): string =>
  `greatest(s.base, s.compacted, coalesce((SELECT revision FROM ${t.versions} ORDER BY revision DESC LIMIT 1), 0))`;

const checkedIn = (t: Tables): string =>
  `EXISTS (SELECT FROM ${t.checked} c WHERE c.started_at = pg_postmaster_start_time() AND c.relation = c.tableoid::text)`;

/** For a role that may not write: compares with what is noted. */
const comparedIn = `((s.system, s.timeline, s.database) = (${SERVER}) AND s.relation = s.tableoid::text AND current_setting('fsync') = 'on')`;

/** @param compare whether the statement itself compares the server with the one that is noted */
export function selectMeta(t: Tables, compare = false): string {
  const isChecked = compare ? `(${checkedIn(t)} OR ${comparedIn})` : checkedIn(t);
  return `SELECT s.epoch, ${headOf(t)}, s.compacted, ${isChecked},
  (SELECT ceil(extract(epoch FROM min(expires_at) - clock_timestamp()) * 1000)::bigint FROM ${t.leases})
  FROM ${t.store} s`;
}

/** @throws StoreError `unavailable` where the store has no row */
export function metaOf(row: Row | undefined): Meta {
  if (row === undefined) throw emptyTables();
  return {
    identity: `postgres-${text(row, 0)}`,
    head: number(row, 1),
    compacted: number(row, 2),
    isChecked: text(row, 3) === 't',
    nextExpiryMs: optional(row, 4) === undefined ? undefined : number(row, 4),
  };
}

export function bookmarkOf({ identity, head }: Meta, revision: number = head): Bookmark {
  return { revision: revision as Revision, identity };
}
