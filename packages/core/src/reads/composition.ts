import type { Bookmark, Page, Revision, UndecodableKey } from '@holdfast/store';
import { ListPage, type Slicer } from '@holdfast/store/adapter';
import type { Intervals } from './intervals.js';
import type { LaterEvents } from './later-events.js';

/** What is left of a piece's page. */
interface Kept {
  readonly page: Page;
  /** Which of its entries; all of them if absent. */
  readonly indexes: readonly number[] | undefined;
  readonly undecodable: readonly UndecodableKey[];
}

/**
 * The state at one revision, out of pieces that were read at several and of the events that a watch has told since. What was put or
 * deleted after its piece was read is left out of that, and what was put comes in a page of its own.
 */
export class Composition {
  readonly total: number;
  readonly #kept: Kept[];
  readonly #later: Omit<ConstructorParameters<typeof ListPage>[0], 'bookmark'>;

  private constructor(kept: Kept[], intervals: Intervals, events: LaterEvents) {
    const items = [...events.puts((key) => intervals.revisionAt(key))];
    const undecodable = [...events.unreadablePuts((rawKey) => intervals.revisionAt(rawKey))];
    this.#kept = kept;
    this.total = kept.reduce((sum, part) => sum + countOf(part), items.length + undecodable.length);
    this.#later = { items, undecodable, count: this.total, more: false };
  }

  /**
   * @param intervals what the pages are of
   * @param events everything later than the earliest of the pages; none may be added meanwhile
   */
  static async of(
    pages: readonly Page[],
    intervals: Intervals,
    events: LaterEvents,
    slicer: Slicer,
  ): Promise<Composition> {
    const kept: Kept[] = [];
    for (const page of pages) kept.push(await keptOf(page, events, slicer));
    return new Composition(kept, intervals, events);
  }

  /** The pages that a scan at `bookmark` would give. Once: each is let go when the next one is asked for. */
  *pages(bookmark: Bookmark): Generator<Page, void, undefined> {
    for (let part = this.#kept.shift(); part !== undefined; part = this.#kept.shift()) {
      yield new PageOfScan(part, bookmark, this.total);
    }
    yield new ListPage({ ...this.#later, bookmark }, false);
  }
}

async function keptOf(page: Page, events: LaterEvents, slicer: Slicer): Promise<Kept> {
  const { revision } = page.bookmark;
  if (events.isEmpty) return { page, indexes: undefined, undecodable: page.undecodable };
  const indexes: number[] = [];
  for (let index = 0; index < page.length; index++) {
    if (!events.hasLater(page.key(index), revision)) indexes.push(index);
    if (slicer.isDue()) await slicer.pause();
  }
  return {
    page,
    indexes: indexes.length === page.length ? undefined : indexes,
    undecodable: page.undecodable.filter(({ rawKey }) => !events.hasLaterUnreadable(rawKey, revision)),
  };
}

function countOf({ page, indexes, undecodable }: Kept): number {
  return (indexes?.length ?? page.length) + undecodable.length;
}

/** A page of a scan that was put together. */
class PageOfScan implements Page {
  readonly bookmark: Bookmark;
  readonly total: number;
  readonly more = true;
  readonly length: number;
  readonly undecodable: readonly UndecodableKey[];
  readonly #page: Page;
  readonly #indexes: readonly number[] | undefined;

  constructor({ page, indexes, undecodable }: Kept, bookmark: Bookmark, total: number) {
    this.bookmark = bookmark;
    this.total = total;
    this.length = indexes?.length ?? page.length;
    this.undecodable = undecodable;
    this.#page = page;
    this.#indexes = indexes;
  }

  key(index: number): string {
    return this.#page.key(this.#at(index));
  }

  value(index: number): Uint8Array {
    return this.#page.value(this.#at(index));
  }

  modRevision(index: number): Revision {
    return this.#page.modRevision(this.#at(index));
  }

  createRevision(index: number): Revision {
    return this.#page.createRevision(this.#at(index));
  }

  version(index: number): number | undefined {
    return this.#page.version(this.#at(index));
  }

  get retainedBytes(): number {
    return this.#page.retainedBytes;
  }

  #at(index: number): number {
    return this.#indexes === undefined ? index : (this.#indexes[index] ?? -1);
  }
}
