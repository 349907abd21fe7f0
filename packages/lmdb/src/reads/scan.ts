import type { Page, Revision } from '@holdfast/store';
import { EntryPage, type DriverCall, type DriverScanOptions, type KeyRange, nextTurn } from '@holdfast/store/adapter';
import { keyName } from '../data/utf8.js';
import type { Database } from '../database/database.js';
import { readState } from '../database/tables.js';
import { historyChanged } from '../errors.js';
import { toUndecodable, type Found } from './entries.js';
import { bookmarkOf } from './list.js';
import { checkReadable, Overlay } from './past.js';
import { countKeys, walk } from './walk.js';

// A page is read in one turn of the event loop.
const PAGE_LENGTH = 1_000;
const PAGE_BYTES = 1024 * 1024;
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
 * All pages of a range at one revision, each read when it is asked for. Between two pages the event loop turns, others write, and a compaction
 * may overtake the scan. No reader of LMDB stays open meanwhile: the file would grow.
 */
export async function* scanPages(
  database: Database,
  range: KeyRange,
  { revision: asked, keysOnly, minModRevision = 0 as Revision }: DriverScanOptions,
  call: DriverCall,
): AsyncGenerator<Page, void, undefined> {
  let pinned: { readonly overlay: Overlay; readonly identity: string; total?: number } | undefined;
  let start: Uint8Array = range.start;
  for (;;) {
    call.signal?.throwIfAborted();
    const { page, last } = database.read((tables) => {
      const state = readState(tables);
      pinned ??= { overlay: new Overlay(range, asked ?? state.head), identity: state.identity };
      const { overlay } = pinned;
      if (state.identity !== pinned.identity) throw historyChanged();
      checkReadable(state, overlay.revision);
      overlay.extend(tables, state.head);
      pinned.total ??= countKeys(tables, range, overlay);
      const found: Named[] = [];
      const raw: Found[] = [];
      let bytes = 0;
      let last: Uint8Array | undefined;
      let more = false;
      for (const one of walk(tables, range, { overlay, start })) {
        if (one.entry.modRevision < minModRevision) continue;
        if (found.length + raw.length >= PAGE_LENGTH || bytes >= PAGE_BYTES) {
          more = true;
          break;
        }
        last = one.key;
        bytes += one.entry.value.length;
        const name = keyName(one.key);
        if (name === undefined) raw.push(one);
        else found.push({ ...one, name });
      }
      const page = new FoundPage(found, {
        bookmark: bookmarkOf(state, overlay.revision),
        total: pinned.total,
        more,
        undecodable: raw.map(toUndecodable),
        keysOnly,
      });
      return { page, last };
    });
    yield page;
    if (!page.more || last === undefined) return;
    start = Buffer.concat([last, Buffer.of(0)]);
    await nextTurn();
  }
}
