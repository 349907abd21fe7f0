import type { Bookmark, Page } from '@holdfast/store';
import { type AnyChange, changeBetween } from '../events/change.js';
import type { Problem } from '../events/problem.js';
import type { Step } from '../events/step.js';
import type { EntryMap } from '../entries/entry-map.js';
import { Slab } from '../entries/slab.js';
import type { BadValue, CollectionTable, KeyState } from './collection-table.js';
import type { Table } from './table.js';
import { type Unclaimed, unclaimedOf } from './unclaimed-keys.js';

/** What a saved copy has of a key beside a version that is good. */
export interface Doubt {
  /** Index of the last good version in the same rows, if there is one. */
  readonly lastGood: number | undefined;
  /** Since when the version was known to be bad, if it was. */
  readonly since: number | undefined;
}

/**
 * The verb `revive`: fills an empty table from a saved copy, in one step. Values are decoded anew, since codecs and schemas may be other
 * ones by now.
 */
export class Revive {
  readonly #table: Table;
  readonly #collect: boolean;
  readonly #staged: ReadonlyMap<CollectionTable, { readonly entries: EntryMap; readonly bad: Map<string, BadValue> }>;
  readonly #unclaimed = new Map<string, Unclaimed>();
  readonly #changes: AnyChange[] = [];
  readonly #invalid: Problem[] = [];
  #changed = 0;
  #newest = 0;
  #slab: { readonly page: Page; readonly slab: Slab } | undefined;

  /**
   * @param keys about how many there are
   * @param collect whether anyone wants the changes one by one
   */
  constructor(table: Table, keys: number, collect: boolean) {
    this.#table = table;
    this.#collect = collect;
    this.#staged = new Map(
      table.collections.map((each) => [each, { entries: each.newEntries(keys), bad: new Map<string, BadValue>() }]),
    );
  }

  /** @param doubt absent where the version is good */
  add(key: string, page: Page, row: number, doubt?: Doubt): void {
    this.#see(page.modRevision(row));
    const collection = this.#table.layout.find(key);
    const staged = collection === undefined ? undefined : this.#staged.get(collection);
    if (collection === undefined || staged === undefined) {
      this.#unclaimed.set(key, unclaimedOf(page.modRevision(row), page.value(row)));
      return;
    }
    const slab = this.#slabOf(page);
    const relative = collection.relative(key);
    if (doubt === undefined && collection.isLazy && !this.#collect) {
      staged.entries.defer(relative, slab, row);
      this.#changed += 1;
      return;
    }
    const first = doubt === undefined ? collection.fromSlab(relative, slab, row) : undefined;
    if (first !== undefined) {
      staged.entries.set(relative, first);
      this.#show(collection, first);
      return;
    }
    const prepare = (index: number) => collection.prepareInSlab(relative, slab.revisions(index), slab, index);
    const { lastGood, since } = doubt ?? {};
    const state = collection.settleSaved(prepare(row), lastGood === undefined ? undefined : prepare(lastGood), since);
    this.#stage(collection, staged, relative, state);
  }

  /** A key of no collection, of which the copy has no value. Returns whether it still belongs to none. */
  addUnclaimed(key: string, unclaimed: Unclaimed): boolean {
    if (this.#table.layout.find(key) !== undefined) return false;
    this.#see(unclaimed.modRevision);
    this.#unclaimed.set(key, unclaimed);
    return true;
  }

  /** Makes it visible, in one step. Add unreadable keys to the table before. */
  commit(bookmark: Bookmark): Step {
    const table = this.#table;
    for (const [collection, { entries, bad }] of this.#staged) collection.replace(entries, bad);
    table.unclaimed = this.#unclaimed;
    table.noteNewest(this.#newest === 0 ? undefined : (this.#newest as Bookmark['revision']));
    table.recent.forget(bookmark.revision);
    const invalid = [...this.#invalid, ...table.undecodable.problems()];
    return table.finish(bookmark, { changes: this.#changes, changed: this.#changed, invalid });
  }

  #stage(
    collection: CollectionTable,
    { entries, bad }: { readonly entries: EntryMap; readonly bad: Map<string, BadValue> },
    key: string,
    state: KeyState,
  ): void {
    if (state.bad !== undefined) {
      bad.set(key, state.bad);
      this.#invalid.push(state.bad.problem);
    }
    if (state.entry === undefined) return;
    entries.set(key, state.entry);
    this.#show(collection, state.entry);
  }

  #show(collection: CollectionTable, entry: NonNullable<KeyState['entry']>): void {
    this.#changed += 1;
    if (!this.#collect) return;
    const change = changeBetween(collection.name, undefined, entry);
    if (change !== undefined) this.#changes.push(change);
  }

  #slabOf(page: Page): Slab {
    if (this.#slab?.page !== page) this.#slab = { page, slab: new Slab(page) };
    return this.#slab.slab;
  }

  #see(revision: number): void {
    if (revision > this.#newest) this.#newest = revision;
  }
}
