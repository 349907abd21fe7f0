import type { Page } from '@holdfast/store';
import { type DriverCall, type DriverScanOptions, type KeyRange, nextTurn } from '@holdfast/store/adapter';
import { boundsOf } from '../data/bounds.js';
import { modRevisionAt } from '../data/records.js';
import { keyName } from '../data/utf8.js';
import type { RowKey } from '../database/row-table.js';
import { readState, type Tables } from '../database/tables.js';
import { historyChanged } from '../errors.js';
import { bookmarkOf } from './list.js';
import { PageMaker } from './packed-page.js';
import { checkReadable, Overlay } from './past.js';
import { countKeys, walk } from './walk.js';

// A page is read in one turn of the event loop.
const PAGE_LENGTH = 1_000;
const PAGE_BYTES = 1024 * 1024;
// How many entries, or changes, a turn looks at: few of them may be wanted.
const WALK_LENGTH = 5_000;

/**
 * All pages of a range at one revision, each read when it is asked for. Between two pages, and within one that takes long to find, the event loop
 * turns, others write, and a compaction may overtake the scan. No reader of LMDB stays open meanwhile: the file would grow.
 */
export async function* scanPages(
  store: { read<T>(work: (tables: Tables) => T): T },
  range: KeyRange,
  options: DriverScanOptions,
  call: DriverCall,
): AsyncGenerator<Page, void, undefined> {
  const scan = new Scan(range, options);
  for (;;) {
    call.signal?.throwIfAborted();
    const page = store.read((tables) => scan.turn(tables));
    if (page !== undefined) {
      yield page;
      if (!page.more) return;
    }
    await nextTurn();
  }
}

/** Why a turn ends: the range does, the page is full, or the event loop has to turn. */
type End = 'end' | 'full' | 'turn';

/** How far a scan has come. */
class Scan {
  readonly #range: KeyRange;
  readonly #options: DriverScanOptions;
  readonly #page = new PageMaker();
  #pinned: { readonly overlay: Overlay; readonly identity: string; total?: number } | undefined;
  /** The key that was looked at last. */
  #last: RowKey | undefined;

  constructor(range: KeyRange, options: DriverScanOptions) {
    this.#range = range;
    this.#options = options;
  }

  /** What can be done in one turn of the event loop. Gives a page once it is full, or the last one. */
  turn(tables: Tables): Page | undefined {
    const state = readState(tables);
    this.#pinned ??= {
      overlay: new Overlay(this.#range, this.#options.revision ?? state.head),
      identity: state.identity,
    };
    const { overlay, identity } = this.#pinned;
    if (state.identity !== identity) throw historyChanged();
    checkReadable(state, overlay.revision);
    if (!overlay.extend(tables, state.head, WALK_LENGTH)) return undefined;
    const total = (this.#pinned.total ??= countKeys(tables, this.#range, overlay));
    const end = overlay.isEmpty ? this.#readPresent(tables) : this.#walkPast(tables, overlay);
    if (end === 'turn') return undefined;
    return this.#page.take({
      bookmark: bookmarkOf(state, overlay.revision),
      total,
      more: end === 'full',
      keysOnly: this.#options.keysOnly,
    });
  }

  /** Nothing has changed since the scan's revision: the entries are those that are present. */
  #readPresent(tables: Tables): End {
    const { minModRevision = 0, keysOnly } = this.#options;
    const { rows } = this.#page;
    const bounds = boundsOf({ start: this.#start, end: this.#range.end });
    let walked = 0;
    let reached: End = 'end';
    tables.rows.readInto(rows, bounds, keysOnly, (key, at) => {
      const isWanted = minModRevision === 0 || modRevisionAt(rows.bytes, at) >= minModRevision;
      if (walked >= WALK_LENGTH || (isWanted && this.#isFull(at))) {
        rows.cut(at);
        reached = walked >= WALK_LENGTH ? 'turn' : 'full';
        return false;
      }
      walked += 1;
      if (isWanted) this.#page.keep(key, at);
      else rows.cut(at);
      this.#last = key;
      return true;
    });
    return reached;
  }

  #walkPast(tables: Tables, overlay: Overlay): End {
    const { minModRevision = 0, keysOnly } = this.#options;
    let walked = 0;
    for (const { key, entry } of walk(tables, this.#range, { overlay, start: this.#start })) {
      if (walked >= WALK_LENGTH) return 'turn';
      walked += 1;
      if (entry.modRevision >= minModRevision) {
        if (this.#isFull(this.#page.bytes)) return 'full';
        this.#page.add(keyName(key) ?? key, entry, keysOnly);
      }
      this.#last = key;
    }
    return 'end';
  }

  get #start(): Uint8Array {
    const last = this.#last;
    if (last === undefined) return this.#range.start;
    return Buffer.concat([typeof last === 'string' ? Buffer.from(last) : last, Buffer.of(0)]);
  }

  #isFull(bytes: number): boolean {
    return this.#page.length >= PAGE_LENGTH || bytes >= PAGE_BYTES;
  }
}
