import type { Page, Revision } from '@holdfast/store';
import { EntryPage, type DriverCall, type DriverScanOptions, type KeyRange, nextTurn } from '@holdfast/store/adapter';
import { keyName } from '../data/utf8.js';
import { readState, type Tables } from '../database/tables.js';
import type { StoreState } from '../data/state.js';
import { historyChanged } from '../errors.js';
import { toUndecodable, type Found } from './entries.js';
import { bookmarkOf } from './list.js';
import { checkReadable, Overlay } from './past.js';
import { countKeys, walk } from './walk.js';

// A page is read in one turn of the event loop.
const PAGE_LENGTH = 1_000;
const PAGE_BYTES = 1024 * 1024;
// How many entries, or changes, a turn looks at: few of them may be wanted.
const WALK_LENGTH = 5_000;
const EMPTY = new Uint8Array(0);

interface Named extends Found {
  readonly name: string;
}

class FoundPage extends EntryPage<Named> {
  key(index: number): string {
    return this.at(index).name;
  }

  value(index: number): Uint8Array {
    return this.keysOnly ? EMPTY : this.at(index).entry.value;
  }

  modRevision(index: number): Revision {
    return this.at(index).entry.modRevision as Revision;
  }

  createRevision(index: number): Revision {
    return this.at(index).entry.createRevision as Revision;
  }

  version(index: number): number {
    return this.at(index).entry.version;
  }

  protected weigh({ entry }: Named): number {
    return entry.value.byteLength;
  }
}

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

/** How far a scan has come. */
class Scan {
  readonly #range: KeyRange;
  readonly #options: DriverScanOptions;
  #pinned: { readonly overlay: Overlay; readonly identity: string; total?: number } | undefined;
  #last: Uint8Array | undefined;
  #found: Named[] = [];
  #raw: Found[] = [];
  #bytes = 0;

  constructor(range: KeyRange, options: DriverScanOptions) {
    this.#range = range;
    this.#options = options;
  }

  /** What can be done in one turn of the event loop. Gives a page once it is full, or the last one. */
  turn(tables: Tables): Page | undefined {
    const { revision, minModRevision = 0 } = this.#options;
    const state = readState(tables);
    this.#pinned ??= { overlay: new Overlay(this.#range, revision ?? state.head), identity: state.identity };
    const { overlay, identity } = this.#pinned;
    if (state.identity !== identity) throw historyChanged();
    checkReadable(state, overlay.revision);
    if (!overlay.extend(tables, state.head, WALK_LENGTH)) return undefined;
    const total = (this.#pinned.total ??= countKeys(tables, this.#range, overlay));
    const start = this.#last === undefined ? this.#range.start : Buffer.concat([this.#last, Buffer.of(0)]);
    let walked = 0;
    for (const one of walk(tables, this.#range, { overlay, start })) {
      if (walked >= WALK_LENGTH) return undefined;
      walked += 1;
      if (one.entry.modRevision >= minModRevision) {
        if (this.#isFull) return this.#page(state, total, true);
        this.#add(one);
      }
      this.#last = one.key;
    }
    return this.#page(state, total, false);
  }

  get #isFull(): boolean {
    return this.#found.length + this.#raw.length >= PAGE_LENGTH || this.#bytes >= PAGE_BYTES;
  }

  #add(one: Found): void {
    this.#bytes += one.entry.value.length;
    const name = keyName(one.key);
    if (name === undefined) this.#raw.push(one);
    else this.#found.push({ ...one, name });
  }

  #page(state: StoreState, total: number, more: boolean): Page {
    const page = new FoundPage(this.#found, {
      bookmark: bookmarkOf(state, this.#pinned?.overlay.revision),
      total,
      more,
      undecodable: this.#raw.map(toUndecodable),
      keysOnly: this.#options.keysOnly,
    });
    [this.#found, this.#raw, this.#bytes] = [[], [], 0];
    return page;
  }
}
