import type { Page, Revision } from '@holdfast/store';
import { keySuccessor, KeyRange, type DriverCall, type DriverScanOptions } from '@holdfast/adapter-kit';
import type { Answer, Backend } from '../backend.js';
import { historyChanged } from '../errors.js';
import { CopiedRows } from '../connection/copied-rows.js';
import { rawKeyAt, versionRows } from '../sql/copied.js';
import { integer, number } from '../sql/literals.js';
import { bookmarkOf, type Meta } from '../sql/meta.js';
import { present, within } from '../sql/versions.js';
import { checkReadable } from './list-within.js';
import { pageOf, startsOf } from './packed-page.js';

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
  const copied = new CopiedRows();
  const read = (rest: KeyRange, most: number, isFirst: boolean): Promise<Answer> => {
    const chosen = `FROM ${tables.versions} v WHERE ${within(rest, 'v.key')} AND ${present('v', revision)}${changed} ORDER BY v.key LIMIT ${integer(most + 1)}`;
    const versions = { rows: versionRows('v', !keysOnly, chosen), into: copied };
    const reading = backend.read(isFirst ? [counting] : [], { ...call, versions });
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
    if (first !== undefined && meta.identity !== first.identity) throw historyChanged();
    checkReadable(revision, meta);
    if (first === undefined) total = number(results[0]?.[0], 0);
    first ??= meta;
    revision ??= meta.head as Revision;
    const { rows } = copied;
    const starts = startsOf(rows);
    const last = starts.length > most ? starts[most - 1] : undefined;
    const shown = last === undefined ? starts : starts.slice(0, most);
    if (last !== undefined) {
      // The server reads on while this page is used.
      most = nextPage(rows.length, starts.length, most);
      reading = read(KeyRange.ofInterval(keySuccessor(rawKeyAt(rows, last)), range.end), most, false);
    }
    const more = last !== undefined;
    yield pageOf(rows, shown, { total, more, bookmark: bookmarkOf(first, revision), keysOnly });
    if (!more) return;
  }
}

function nextPage(bytes: number, entries: number, most: number): number {
  const wanted = Math.floor((entries / (bytes + 1)) * PAGE_BYTES);
  // Values may be longer further on: no more than so many times as before.
  return Math.max(1, Math.min(wanted, 4 * most, MOST_ENTRIES));
}
