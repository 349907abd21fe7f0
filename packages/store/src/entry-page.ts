import type { UndecodableKey } from './key-value.js';
import type { Page } from './options.js';
import type { Bookmark, Revision } from './revision.js';

/** What a page says of itself, beside its entries. */
export interface PageFacts extends Pick<Page, 'bookmark' | 'total' | 'more' | 'undecodable'> {
  /** Values are empty, whatever the entries have. Default: `false`. */
  readonly keysOnly?: boolean;
}

/** A page over entries as an adapter has them. It translates an entry only when a part of it is asked for. */
export abstract class EntryPage<Entry> implements Page {
  readonly bookmark: Bookmark;
  readonly total: number;
  readonly more: boolean;
  readonly undecodable: readonly UndecodableKey[];
  protected readonly keysOnly: boolean;
  readonly #entries: readonly Entry[];

  constructor(entries: readonly Entry[], facts: PageFacts) {
    this.#entries = entries;
    this.bookmark = facts.bookmark;
    this.total = facts.total;
    this.more = facts.more;
    this.undecodable = facts.undecodable;
    this.keysOnly = facts.keysOnly ?? false;
  }

  get length(): number {
    return this.#entries.length;
  }

  get retainedBytes(): number {
    return this.keysOnly ? 0 : this.#entries.reduce((sum, entry) => sum + this.weigh(entry), 0);
  }

  abstract key(index: number): string;
  abstract value(index: number): Uint8Array;
  abstract modRevision(index: number): Revision;
  abstract createRevision(index: number): Revision;
  abstract version(index: number): number | undefined;

  /** How much memory the entry's value keeps, in bytes. */
  protected abstract weigh(entry: Entry): number;

  /** @throws RangeError where the page has no such entry */
  protected at(index: number): Entry {
    const entry = this.#entries[index];
    if (entry === undefined) throw new RangeError(`index ${index} is outside this page of ${this.length}`);
    return entry;
  }
}
