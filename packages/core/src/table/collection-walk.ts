import type { Page } from '@holdfast/store';
import type { Revisions } from '../entries/entry.js';
import type { EntryMap, Held } from '../entries/entry-map.js';

export interface WalkedCollection {
  readonly entries: EntryMap;
  readonly bad: ReadonlyMap<string, Revisions>;
  /** What all its whole keys begin with. */
  readonly base: string;
}

/**
 * Goes through a collection beside keys that come in the order in which they are in the table, as most do after a load: finding each key by
 * its hash takes five times as long. The collection must not change meanwhile, but entries may be made by those who read them.
 */
export class CollectionWalk {
  readonly base: string;
  readonly #entries: EntryMap;
  readonly #bad: ReadonlyMap<string, Revisions>;
  /** `undefined` where the table is in no order. */
  readonly #pairs: Iterator<[string, Held]> | undefined;
  #next: readonly [string, Held] | undefined;
  #released = 0;
  /** The relative key that came last. */
  #last: string | undefined;

  constructor({ entries, bad, base }: WalkedCollection) {
    this.base = base;
    this.#entries = entries;
    this.#bad = bad;
    this.#pairs = entries.isOrdered ? entries.held.entries() : undefined;
    this.#advance();
  }

  /** The relative key that came last, if any has. */
  get last(): string | undefined {
    return this.#last;
  }

  /**
   * Whether an entry of a page is the next one of the table, and in just that version; then it goes on. `false` says nothing. No key comes
   * twice by this, since each that comes is after the one before it.
   */
  takes(page: Page, index: number): boolean {
    const next = this.#next;
    if (next === undefined || page.isKey === undefined) return false;
    const [key] = next;
    if (!page.isKey(index, this.base, key)) return false;
    if (this.#last !== undefined && this.#last >= key) return false;
    if (this.#bad.size > 0 && this.#bad.has(key)) return false;
    if (!this.#entries.isVersion(this.#heldOf(next), page, index)) return false;
    this.#last = key;
    this.#advance();
    return true;
  }

  /** What is known of a key's version in the store. */
  find(key: string): Partial<Revisions> | undefined {
    this.#last = key;
    const bad = this.#bad.size === 0 ? undefined : this.#bad.get(key);
    if (bad !== undefined) return bad;
    while (this.#next !== undefined && this.#next[0] < key) this.#advance();
    const next = this.#next;
    if (next?.[0] !== key) return this.#entries.revisions(key);
    const held = this.#heldOf(next);
    this.#advance();
    return this.#entries.revisionsOf(held);
  }

  /** The row may be gone since it was taken ahead: somebody has read the entry. */
  #heldOf([key, held]: readonly [string, Held]): Held {
    if (this.#released === this.#entries.released) return held;
    return this.#entries.held.get(key) ?? held;
  }

  #advance(): void {
    this.#released = this.#entries.released;
    this.#next = this.#pairs?.next().value as readonly [string, Held] | undefined;
  }
}
