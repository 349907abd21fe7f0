import type { Page, Revision } from '@holdfast/store';
import { keySuccessor, KeyRange, ListPage, type DriverCall, type DriverScanOptions } from '@holdfast/adapter-kit';
import type { Backend } from '../backend.js';
import { historyChanged } from '../errors.js';
import { integer, number, type Row } from '../sql/literals.js';
import { bookmarkOf, type Meta } from '../sql/meta.js';
import { columns, entriesOf, present, versionOf, within } from '../sql/versions.js';
import { checkReadable } from './list-within.js';

/** How many entries the first page has. The others have as many as make about so many bytes. */
const FIRST_PAGE = 500;
const MOST_ENTRIES = 10_000;
const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * All pages of a range at the revision of the first, each read in a statement of its own: no transaction stays open between them, which would
 * keep the database from cleaning up.
 */
export async function* scanPages(
  backend: Backend,
  range: KeyRange,
  options: DriverScanOptions,
  call: DriverCall,
): AsyncGenerator<Page, void, undefined> {
  const { tables } = backend;
  const { keysOnly, minModRevision } = options;
  const changed = minModRevision === undefined ? '' : ` AND v.revision >= ${integer(minModRevision)}`;
  const pageOf = (rest: KeyRange, at: number | undefined, most: number): string =>
    `SELECT ${columns('v', keysOnly ? 'NULL' : undefined)} FROM ${tables.versions} v WHERE ${within(rest, 'v.key')} AND ${present('v', at)}${changed} ORDER BY v.key LIMIT ${integer(most + 1)}`;
  let { revision } = options;
  let first: Meta | undefined;
  let total = 0;
  let rest = range;
  for (let most = FIRST_PAGE; ;) {
    const counting = `SELECT count(*) FROM ${tables.versions} v WHERE ${within(range, 'v.key')} AND ${present('v', revision)}`;
    const statements = [pageOf(rest, revision, most), ...(first === undefined ? [counting] : [])];
    const { meta, results } = await backend.read(statements, call);
    const [rows = [], count] = results;
    if (first !== undefined && meta.identity !== first.identity) throw historyChanged();
    checkReadable(revision, meta);
    if (first === undefined) total = number(count?.[0], 0);
    first ??= meta;
    revision ??= meta.head as Revision;
    const more = rows.length > most;
    const versions = rows.slice(0, most).map((row) => versionOf(row));
    const list = { ...entriesOf(versions), count: total, more, bookmark: bookmarkOf(first, revision) };
    yield new ListPage(list, more);
    const last = versions.at(-1);
    if (!more || last === undefined) return;
    rest = KeyRange.ofInterval(keySuccessor(last.rawKey), range.end);
    most = nextPage(rows, most);
  }
}

function nextPage(rows: readonly Row[], most: number): number {
  const bytes = rows.reduce((sum, row) => sum + (row[0]?.length ?? 0) / 2 + (row[6]?.length ?? 0) / 2 + 100, 1);
  const wanted = Math.floor((rows.length / bytes) * PAGE_BYTES);
  // Values may be longer further on: no more than so many times as before.
  return Math.max(1, Math.min(wanted, 4 * most, MOST_ENTRIES));
}
