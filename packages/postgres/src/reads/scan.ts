import type { Page, Revision } from '@holdfast/store';
import { keySuccessor, KeyRange, type DriverCall, type DriverScanOptions } from '@holdfast/adapter-kit';
import type { Answer, Backend } from '../backend.js';
import { historyChanged } from '../errors.js';
import { integer, number, type Row } from '../sql/literals.js';
import { bookmarkOf, type Meta } from '../sql/meta.js';
import { columns, present, versionOf, within } from '../sql/versions.js';
import { checkReadable } from './list-within.js';
import { pageOf } from './packed-page.js';

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
  let { revision } = options;
  const counting = `SELECT count(*) FROM ${tables.versions} v WHERE ${within(range, 'v.key')} AND ${present('v', revision)}`;
  const read = (rest: KeyRange, most: number, isFirst: boolean): Promise<Answer> => {
    const statement = `SELECT ${columns('v', String(!keysOnly))} FROM ${tables.versions} v WHERE ${within(rest, 'v.key')} AND ${present('v', revision)}${changed} ORDER BY v.key LIMIT ${integer(most + 1)}`;
    const reading = backend.read(isFirst ? [statement, counting] : [statement], call);
    // Nobody may ask for it any more.
    reading.catch(() => undefined);
    return reading;
  };
  let first: Meta | undefined;
  let total = 0;
  let most = FIRST_PAGE;
  let reading = read(range, most, true);
  for (;;) {
    const { meta, results } = await reading;
    const [rows = [], count] = results;
    if (first !== undefined && meta.identity !== first.identity) throw historyChanged();
    checkReadable(revision, meta);
    if (first === undefined) total = number(count?.[0], 0);
    first ??= meta;
    revision ??= meta.head as Revision;
    const last = rows.length > most ? rows[most - 1] : undefined;
    const shown = last === undefined ? rows : rows.slice(0, most);
    if (last !== undefined) {
      // The server reads on while this page is used.
      most = nextPage(rows, most);
      reading = read(KeyRange.ofInterval(keySuccessor(versionOf(last).rawKey), range.end), most, false);
    }
    const more = last !== undefined;
    yield pageOf(shown, { total, more, bookmark: bookmarkOf(first, revision), keysOnly });
    if (!more) return;
  }
}

function nextPage(rows: readonly Row[], most: number): number {
  const bytes = rows.reduce((sum, row) => sum + (row[0]?.length ?? 0) / 2 + 60, 1);
  const wanted = Math.floor((rows.length / bytes) * PAGE_BYTES);
  // Values may be longer further on: no more than so many times as before.
  return Math.max(1, Math.min(wanted, 4 * most, MOST_ENTRIES));
}
