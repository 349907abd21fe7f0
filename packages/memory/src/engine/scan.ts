import type { Page } from '@holdfast/store';
import type { DriverCall, DriverScanOptions, KeyRange } from '@holdfast/store/adapter';
import { nextTurn } from '@holdfast/store/adapter';
import { type Interval, toInterval } from '../data/byte-string.js';
import type { Engine } from './engine.js';
import { historyChanged } from '../errors.js';
import { select } from '../reads/reads.js';
import { VersionPage } from '../reads/version-page.js';

const PAGE_LENGTH = 1_000;

/**
 * All pages of a range at one revision, each read when it is asked for. Between two pages the event loop turns, and a
 * compaction may overtake the scan (C5).
 */
export async function* scanPages(
  engine: Engine,
  range: KeyRange,
  options: DriverScanOptions,
  call: DriverCall,
): AsyncGenerator<Page, void, undefined> {
  const { history } = engine;
  const revision = options.revision ?? history.head;
  const { keysOnly, minModRevision } = options;
  const bookmark = engine.bookmark(revision);
  const whole = toInterval(range);
  let rest: Interval = whole;
  let total: number | undefined;
  for (;;) {
    call.signal?.throwIfAborted();
    if (engine.history !== history) throw historyChanged('the store was restored or wiped during the scan');
    history.checkReadable(revision);
    total ??= history.count(whole, revision);
    const found = select(history, rest, {
      revision,
      minModRevision,
      limit: PAGE_LENGTH,
      countOnly: false,
      sort: undefined,
    });
    const readable = found.versions.filter((version) => version.history.name !== undefined);
    const raw = found.versions.filter((version) => version.history.name === undefined);
    yield new VersionPage(readable, {
      bookmark,
      total,
      more: found.more,
      undecodable: raw.map((version) => engine.entries.undecodable(version)),
      keysOnly,
    });
    const last = found.versions.at(-1);
    if (!found.more || last === undefined) return;
    rest = { start: `${last.history.key}\0`, end: whole.end };
    await nextTurn();
  }
}
