import type { KeyValue, Page, Revision, UndecodableKey } from '@holdfast/store';
import { compareKeys, type Slicer } from '@holdfast/store/adapter';
import type { Revisions } from '../entries/entry.js';
import type { KeySet } from './patch.js';
import type { ScanCheck } from '../util/answers.js';
import type { CollectionTable } from './collection-table.js';
import type { CollectionWalk } from './collection-walk.js';
import { NewestKeys } from './newest-keys.js';
import type { Table } from './table.js';
import { hexOf } from './undecodable-keys.js';

/** How many keys are compared between two times that the slicer is asked. */
const STEP = 8;

/**
 * Compares the table with the keys and revisions (not the values) of the whole range at a later revision: which keys were changed, which
 * are gone, and whether one history can lead from the one to the other. Within one history, equal revisions mean equal values. It
 * changes nothing in the table, which must not change meanwhile.
 */
export class RevisionDiff {
  readonly #table: Table;
  readonly #walks: ReadonlyMap<CollectionTable, CollectionWalk>;
  /** That of the collection whose key came last. */
  #walk: CollectionWalk | undefined;
  readonly #pages: Page[] = [];
  readonly #changed = new Map<string, Revision>();
  readonly #unchanged = new NewestKeys();
  readonly #undecodable: UndecodableKey[] = [];
  /** The number of keys that the table has too. */
  #kept = 0;
  #last = '';

  constructor(table: Table) {
    this.#table = table;
    this.#walks = new Map(table.collections.map((collection) => [collection, collection.walk()]));
  }

  /** The keys that were changed since the table's revision. */
  get changed(): ReadonlyMap<string, Revision> {
    return this.#changed;
  }

  get undecodable(): readonly UndecodableKey[] {
    return this.#undecodable;
  }

  /** Whether any of the table's keys is gone. */
  get hasDeletions(): boolean {
    return this.#kept < this.#table.count;
  }

  /** The newest unchanged keys. Their values must be compared, because in another history they may differ (M8). */
  get sample(): readonly { readonly key: string; readonly revision: number }[] {
    return this.#unchanged.sample();
  }

  /** @returns false if the page contradicts the table: it is of another history, or out of order */
  async add(page: Page, slicer: Slicer, check: ScanCheck): Promise<boolean> {
    this.#pages.push(page);
    const { length } = page;
    for (let index = 0; index < length;) {
      index = this.#compare(page, index, check);
      if (index < 0) return false;
      if (slicer.isDue()) await slicer.pause();
    }
    for (const key of page.undecodable) {
      if (key.revision <= this.#table.revision && !this.#table.holdsUndecodable(key)) return false;
      if (this.#table.undecodable.includes(key.rawKey)) this.#kept += 1;
      this.#undecodable.push(key);
    }
    return true;
  }

  /** Whether these are all changed keys and the sample, and the sample equals the table's entries. */
  isConfirmedBy(items: readonly KeyValue[]): boolean {
    let changed = 0;
    for (const item of items) {
      if (item.modRevision <= this.#table.revision) {
        if (!this.#table.holds(item)) return false;
      } else {
        if (this.#changed.get(item.key) !== item.modRevision) return false;
        changed += 1;
      }
    }
    return changed === this.#changed.size && items.length - changed >= this.sample.length;
  }

  /** All keys of the range, for finding those that are gone. */
  async keys(slicer: Slicer): Promise<KeySet> {
    const keys = new Set<string>();
    for (const page of this.#pages) {
      const { length } = page;
      for (let index = 0; index < length; index++) {
        keys.add(page.key(index));
        if (slicer.isDue()) await slicer.pause();
      }
    }
    return { keys, undecodable: new Set(this.#undecodable.map(({ rawKey }) => hexOf(rawKey))) };
  }

  /** Compares some entries of a page. Returns the index of the next one, or −1 for a contradiction. */
  #compare(page: Page, from: number, check: ScanCheck): number {
    const end = Math.min(page.length, from + STEP);
    for (let index = from; index < end; index += 1)
      if (!this.#isUnchanged(page, index) && !this.#follows(page, index, check)) return -1;
    return end;
  }

  /** Whether the entry is the next one of the table, as it is there. Nearly all are, and for those nothing need be made. */
  #isUnchanged(page: Page, index: number): boolean {
    const walk = this.#walk;
    if (walk?.takes(page, index) !== true) return false;
    this.#kept += 1;
    this.#unchanged.add(walk.base, walk.last ?? '', page.modRevision(index));
    return true;
  }

  #follows(page: Page, index: number, check: ScanCheck): boolean {
    const key = page.key(index);
    const modRevision = page.modRevision(index);
    const createRevision = page.createRevision(index);
    const version = page.version(index);
    check.key(key, modRevision);
    if (!this.#isNext(key)) return false;
    const { revision } = this.#table;
    const known = this.#find(key);
    if (known !== undefined) this.#kept += 1;
    const isSameLife = known !== undefined && (known.createRevision ?? createRevision) === createRevision;
    if (modRevision <= revision) {
      if (!isSameLife || known.modRevision !== modRevision || (known.version ?? version) !== version) return false;
      this.#unchanged.add('', key, modRevision);
      return true;
    }
    this.#changed.set(key, modRevision);
    // The key either continues its known life, or was created since.
    return createRevision > revision || (isSameLife && (known.version ?? 0) < (version ?? 1));
  }

  /** In ascending order no key comes twice, so the count shows whether all have come. */
  #isNext(key: string): boolean {
    const last = this.#walk === undefined ? this.#last : this.#walk.base + (this.#walk.last ?? '');
    if (key <= last && compareKeys(key, last) <= 0) return false;
    this.#last = key;
    return true;
  }

  /** What is known of a key's version in the store. Of unclaimed keys it is not all. */
  #find(key: string): Partial<Revisions> | undefined {
    const collection = this.#table.layout.find(key);
    this.#walk = collection === undefined ? undefined : this.#walks.get(collection);
    return collection === undefined ? this.#table.unclaimed.get(key) : this.#walk?.find(collection.relative(key));
  }
}
