import { type Bookmark, type Page, type Revision, StoreError, type UndecodableKey } from '@holdfast/store';
import type { Slicer } from '@holdfast/store/adapter';
import { type AnyChange, changeBetween } from '../events/change.js';
import type { BadValue, CollectionTable, KeyState } from './collection-table.js';
import { type Entry, type Revisions, sameRevisions } from '../entries/entry.js';
import type { EntryMap } from '../entries/entry-map.js';
import type { Problem } from '../events/problem.js';
import { checkContinues } from './history.js';
import { Slab } from '../entries/slab.js';
import { ScanCheck } from '../util/answers.js';
import { rawBytes, sameRawValue } from '../values/raw-value.js';
import type { Step } from '../events/step.js';
import type { Table } from './table.js';
import { unclaimedOf, type Unclaimed } from './unclaimed-keys.js';
import { hexOf } from './undecodable-keys.js';

export interface RestoreOptions {
  /** The history is known to be another one: what the table has may be newer, and says nothing about lives of keys. */
  readonly newHistory: boolean;
  /** Whether anyone wants the changes one by one. */
  readonly collect: boolean;
}

interface Staged {
  readonly entries: EntryMap;
  readonly bad: Map<string, BadValue>;
  /** Whether the collection has nothing yet: all that comes is new. */
  readonly isFirst: boolean;
}

/**
 * The verb `restore`: a whole state of the range, read at one revision, as a diff to what there is (M3). Unchanged keys keep
 * their entry, the same object; bad values keep the last good one; nothing is visible before `commit` (M2).
 */
export class Restore {
  readonly #table: Table;
  readonly #options: RestoreOptions;
  /** Nothing before the first page, which tells how much there will be. */
  readonly #staged = new Map<CollectionTable, Staged>();
  readonly #unclaimed = new Map<string, Unclaimed>();
  readonly #undecodable: UndecodableKey[] = [];
  readonly #changes: AnyChange[] = [];
  readonly #invalid: Problem[] = [];
  /** Entries and problems of these that something else has taken the place of. */
  readonly #replaced = new Set<unknown>();
  /** The whole keys that the store has otherwise than the table. */
  readonly #touched: string[] = [];
  /** Whether what came can't follow on what the table has, whatever the read was taken for. */
  #contradicts = false;
  #changed = 0;
  #newest: Revision | undefined;
  readonly #check: ScanCheck;

  constructor(table: Table, options: RestoreOptions) {
    this.#table = table;
    this.#options = options;
    this.#check = new ScanCheck(table.range);
  }

  /**
   * @throws StoreError `history-changed` for a page of an older state than the table's, unless the history is known to be new;
   * `internal` for a page that no scan of the range can have given
   */
  async add(page: Page, slicer: Slicer): Promise<void> {
    this.#begin(page);
    const slab = new Slab(page);
    const { length } = page;
    for (let index = 0; index < length; index++) {
      this.#addKey(page, slab, index);
      if (slicer.isDue()) await slicer.pause();
    }
    this.#undecodable.push(...page.undecodable);
  }

  /** Whether anything that came for the first time is bad, or may be: a saved copy may have the last good value behind it. */
  get hasDoubts(): boolean {
    return [...this.#staged].some(([{ isLazy }, { isFirst, bad }]) => isFirst && (isLazy || bad.size > 0));
  }

  /**
   * Tells what a saved copy has of a key. Where the key came for the first time, and its value is bad or may be, the last good one of the copy
   * stands behind it (M5).
   *
   * @param saved the version that the copy has, as a value of a slab
   * @param isGood whether the copy has nothing else of the key
   * @param settled the key as a table would have it that starts from the copy
   */
  recall(
    key: string,
    saved: { readonly slab: Slab; readonly index: number },
    isGood: boolean,
    settled: (collection: CollectionTable, key: string) => KeyState,
  ): void {
    const collection = this.#table.layout.find(key);
    const staged = collection === undefined ? undefined : this.#staged.get(collection);
    if (collection === undefined || staged?.isFirst !== true) return;
    const relative = collection.relative(key);
    const bad = staged.bad.get(relative);
    const read = bad ?? (collection.isLazy ? staged.entries.revisions(relative) : undefined);
    const current = saved.slab.revisions(saved.index);
    if (read === undefined || !this.#table.continues(current, read.createRevision)) return;
    const isUnchanged = sameRevisions(read, current);
    if (isUnchanged && isGood) return;
    const raw = bad === undefined ? collection.versionIn(staged.entries, relative)?.raw : (bad.raw ?? bad.content);
    if (raw === undefined || typeof raw === 'number') return;
    // The same revisions of another history.
    if (isUnchanged && !sameRawValue(raw, saved.slab.value(saved.index))) return;
    const before = settled(collection, relative);
    const { modRevision, createRevision, version } = read;
    const prepared = collection.prepare(relative, { modRevision, createRevision, version }, rawBytes(raw));
    this.#restage(collection, staged, relative, isUnchanged ? before : collection.settle(prepared, before, true));
  }

  /** Puts something else in the place of what came of a key. */
  #restage(collection: CollectionTable, { entries, bad: all }: Staged, key: string, { entry, bad }: KeyState): void {
    if (this.#options.collect) this.#replaced.add(entries.get(key));
    this.#replaced.add(all.get(key)?.problem);
    if (entries.has(key)) this.#changed -= 1;
    if (entry === undefined) entries.delete(key);
    else entries.set(key, entry);
    if (bad === undefined) all.delete(key);
    else all.set(key, bad);
    if (bad !== undefined) this.#invalid.push(bad.problem);
    this.#change(collection, undefined, entry);
  }

  /**
   * Finds what is no longer shown. The table must not change between this and `commit`.
   *
   * @throws StoreError `internal` where not all keys have come: those that are missing would count as deleted
   */
  async finish(slicer: Slicer): Promise<void> {
    this.#check.end(this.#distinct());
    for (const [collection, staged] of this.#staged) {
      for (const key of collection.entries.keys()) {
        if (!staged.entries.has(key)) {
          this.#change(collection, collection.entries.get(key), undefined);
          this.#table.noteDeletion(collection.absolute(key));
          if (!staged.bad.has(key)) this.#touch(collection.absolute(key));
        }
        if (slicer.isDue()) await slicer.pause();
      }
      for (const key of collection.bad.keys()) {
        if (staged.bad.has(key) || staged.entries.has(key)) continue;
        this.#table.noteDeletion(collection.absolute(key));
        this.#touch(collection.absolute(key));
      }
    }
    for (const key of this.#table.unclaimed.keys()) {
      if (this.#unclaimed.has(key)) continue;
      this.#table.noteDeletion(key);
      this.#touch(key);
    }
  }

  /** Makes it visible, in one step. */
  commit(): Step {
    const { bookmark } = this;
    if (bookmark === undefined)
      throw new StoreError('internal', 'the scan gave no page; its adapter breaks contract C5');
    if (!this.#options.newHistory) checkContinues(bookmark, this.#table.bookmark);
    const { journal } = this.#table;
    if (this.#options.newHistory || this.#contradicts) journal?.otherHistory();
    else for (const key of this.#touched) journal?.touch(key);
    for (const [collection, { entries, bad }] of this.#staged) collection.replace(entries, bad);
    this.#table.unclaimed = this.#unclaimed;
    this.#table.noteNewest(this.#newest);
    this.#table.recent.forget(bookmark.revision);
    const seen = new Set<string>();
    for (const key of this.#undecodable) {
      seen.add(hexOf(key.rawKey));
      const problem = this.#table.undecodable.add(key, this.#table.clock.now());
      if (problem !== undefined) this.#invalid.push(problem);
    }
    this.#table.undecodable.retain((rawKey) => seen.has(hexOf(rawKey)));
    const changes = this.#present(this.#changes, (change) => (change.type === 'put' ? change.current : undefined));
    const invalid = this.#present(this.#invalid, (problem) => problem);
    return this.#table.finish(bookmark, { changes, changed: this.#changed, invalid });
  }

  #present<T>(all: readonly T[], of: (each: T) => unknown): readonly T[] {
    const replaced = this.#replaced;
    return replaced.size === 0 ? all : all.filter((each) => !replaced.has(of(each)) || of(each) === undefined);
  }

  get bookmark(): Bookmark | undefined {
    return this.#check.bookmark;
  }

  #begin(page: Page): void {
    const isFirst = this.bookmark === undefined;
    this.#check.begin(page);
    if (!isFirst) return;
    if (!this.#options.newHistory) checkContinues(page.bookmark, this.#table.bookmark);
    for (const collection of this.#table.collections) {
      const entries = collection.newEntries(page.total);
      this.#staged.set(collection, { entries, bad: new Map(), isFirst: collection.isEmpty });
    }
  }

  /** How many different keys were added. */
  #distinct(): number {
    let distinct = this.#unclaimed.size + new Set(this.#undecodable.map(({ rawKey }) => hexOf(rawKey))).size;
    for (const { entries, bad } of this.#staged.values()) {
      distinct += entries.size;
      for (const key of bad.keys()) if (!entries.has(key)) distinct += 1;
    }
    return distinct;
  }

  #addKey(page: Page, slab: Slab, index: number): void {
    const key = page.key(index);
    const modRevision = page.modRevision(index);
    this.#check.key(key, modRevision);
    if (modRevision > (this.#newest ?? 0)) this.#newest = modRevision;
    const collection = this.#table.layout.find(key);
    const staged = collection === undefined ? undefined : this.#staged.get(collection);
    if (collection === undefined || staged === undefined) {
      const unclaimed = unclaimedOf(modRevision, page.value(index));
      this.#unclaimed.set(key, unclaimed);
      if (this.#table.journal === undefined) return;
      const known = this.#table.unclaimed.get(key);
      if (known?.modRevision === modRevision && known.digest === unclaimed.digest) return;
      this.#touch(key);
      this.#compare(known, { modRevision, createRevision: page.createRevision(index) });
      return;
    }
    const relative = collection.relative(key);
    // Nearly all keys that are ever read are read by a first load: the short way makes nothing but the entry, or not even that.
    if (staged.isFirst && collection.isLazy && !this.#options.collect) {
      staged.entries.defer(relative, slab, index);
      this.#changed += 1;
      return;
    }
    const first = staged.isFirst ? collection.fromSlab(relative, slab, index) : undefined;
    if (first !== undefined) {
      this.#touch(key);
      this.#compare(undefined, first);
      staged.entries.set(relative, first);
      this.#change(collection, undefined, first);
      return;
    }
    const revisions = slab.revisions(index);
    const before = collection.state(relative);
    if (this.#isKnown(before, revisions) && collection.holds(relative, revisions, page.value(index))) {
      stage(staged, relative, before);
      return;
    }
    this.#touch(key);
    this.#compare(before.bad ?? before.entry, revisions);
    if (before.bad !== undefined && collection.shows(relative, revisions, page.value(index))) {
      // The store went back to the last good value: a problem less, and nothing that anyone sees.
      stage(staged, relative, { entry: before.entry, bad: undefined });
      return;
    }
    const sameLife = this.#options.newHistory
      ? before.entry !== undefined
      : this.#table.continues(before.bad ?? before.entry, revisions.createRevision);
    const after = collection.settle(collection.prepareInSlab(relative, revisions, slab, index), before, sameLife);
    stage(staged, relative, after);
    // A key of which nothing is left to show is found by `finish`, with those that are gone.
    if (after.entry !== undefined) this.#change(collection, before.entry, after.entry);
    if (after.bad !== undefined) this.#invalid.push(after.bad.problem);
  }

  #touch(key: string): void {
    // Of a first load all is new, and nothing is written of it one by one.
    if (this.#table.journal !== undefined && this.#table.revision > 0) this.#touched.push(key);
  }

  /** Within one history, what was not there at the table's revision is later than that. */
  #compare(known: { readonly modRevision: Revision } | undefined, read: Revisions): void {
    const { revision } = this.#table;
    if (revision === 0) return;
    const from = known === undefined && this.#table.hasStableLives ? read.createRevision : read.modRevision;
    if (from <= revision) this.#contradicts = true;
  }

  // Spares the look at the bytes where the revisions already differ.
  #isKnown(
    { entry, bad }: { entry: Entry<unknown> | undefined; bad: BadValue | undefined },
    revisions: Revisions,
  ): boolean {
    const known = bad ?? entry;
    return known !== undefined && sameRevisions(known, revisions);
  }

  #change(
    collection: CollectionTable,
    previous: Entry<unknown> | undefined,
    current: Entry<unknown> | undefined,
  ): void {
    if (previous === current) return;
    this.#changed += 1;
    if (!this.#options.collect) return;
    const change = changeBetween(collection.name, previous, current);
    if (change !== undefined) this.#changes.push(change);
  }
}

function stage(
  { entries, bad }: Staged,
  key: string,
  state: { readonly entry: Entry<unknown> | undefined; readonly bad: BadValue | undefined },
): void {
  if (state.entry !== undefined) entries.set(key, state.entry);
  if (state.bad !== undefined) bad.set(key, state.bad);
}
