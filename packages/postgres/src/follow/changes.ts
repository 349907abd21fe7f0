import type { Revision, UndecodableKey, WatchEvent } from '@holdfast/store';
import type { Changes, KeyRange } from '@holdfast/adapter-kit';
import { integer, number, optional, type Row } from '../sql/literals.js';
import type { Meta } from '../sql/meta.js';
import type { Tables } from '../sql/tables.js';
import { COLUMNS, columns, entryOf, isUtf8, undecodableOf, versionOf, within } from '../sql/versions.js';

/** About how many changes, and bytes of values, are read at once. A revision comes whole. */
const MOST_CHANGES = 1_000;
const MOST_BYTES = 8 * 1024 * 1024;

/** Selects the changes after a revision: those of the next revisions, in order, and up to which revision they are complete. */
export function selectChanges(t: Tables, after: number, range: KeyRange | undefined, previous: boolean): string {
  const condition = (alias: string) =>
    `${alias}.revision > ${integer(after)}${range === undefined ? '' : ` AND ${within(range, `${alias}.key`)}`}`;
  const withPrevious = previous
    ? `LEFT JOIN ${t.versions} p ON p.key = v.key AND p.revision = v.previous_revision AND p.version > 0`
    : '';
  return `WITH part AS MATERIALIZED (
  SELECT c.revision, row_number() OVER w AS n, sum(octet_length(c.value) + 200) OVER w AS bytes
  FROM (SELECT * FROM ${t.versions} c WHERE ${condition('c')} ORDER BY c.revision, c.position LIMIT ${MOST_CHANGES + 1}) c
  WINDOW w AS (ORDER BY c.revision, c.position)
), bound AS (
  SELECT CASE WHEN count(*) FILTER (WHERE n > ${MOST_CHANGES} OR bytes > ${MOST_BYTES}) > 0
    THEN greatest(min(revision) FILTER (WHERE n > ${MOST_CHANGES} OR bytes > ${MOST_BYTES}) - 1, min(revision)) END AS revision FROM part
)
SELECT b.revision, ${columns('v')}${previous ? `, ${columns('p')}` : ''}
FROM bound b LEFT JOIN ${t.versions} v ON ${condition('v')} AND v.revision <= coalesce(b.revision, 9223372036854775807) ${withPrevious}
ORDER BY v.revision, v.position`;
}

/** Makes the answer to `changesSince` of what {@link selectChanges} gave. */
export function toChanges(rows: readonly Row[], meta: Meta, previous: boolean): Changes {
  const events: WatchEvent[] = [];
  const undecodable: UndecodableKey[] = [];
  for (const row of rows) {
    if (row[1] === null) continue;
    const version = versionOf(row, 1);
    if (!isUtf8(version)) undecodable.push(undecodableOf(version));
    else events.push(eventOf(version, previous && row[1 + COLUMNS] !== null ? row : undefined));
  }
  const bound = optional(rows[0], 0);
  return {
    identity: meta.identity,
    head: meta.head as Revision,
    compacted: meta.compacted,
    events,
    undecodable,
    upTo: (bound === undefined ? meta.head : number(rows[0], 0)) as Revision,
  };
}

function eventOf(version: ReturnType<typeof versionOf> & { readonly key: string }, row: Row | undefined): WatchEvent {
  const revision = version.revision as Revision;
  const before = row === undefined ? undefined : versionOf(row, 1 + COLUMNS);
  const previous = before !== undefined && isUtf8(before) ? { previous: entryOf(before) } : {};
  if (version.version === 0) return { type: 'delete', revision, key: version.key, ...previous };
  return { type: 'put', revision, current: entryOf(version), isCreate: version.version === 1, ...previous };
}
