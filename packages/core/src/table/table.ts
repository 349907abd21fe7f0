import {
  type Bookmark,
  type Clock,
  type KeyValue,
  type Revision,
  StoreError,
  type UndecodableKey,
} from '@holdfast/store';
import { type KeyRange, Slicer } from '@holdfast/store/adapter';
import type { CollectionTable } from './collection-table.js';
import type { Revisions } from '../entries/entry.js';
import type { Prepared } from '../entries/entry-maker.js';
import { checkIdentity } from './history.js';
import { Layout } from './layout.js';
import { NewestRevision } from './newest-revision.js';
import type { Problem } from '../events/problem.js';
import { RecentEvents } from './recent-events.js';
import { compactSlabs } from '../entries/slab.js';
import { checkBookmark } from '../util/answers.js';
import type { Step } from '../events/step.js';
import { Watermark } from '../util/watermark.js';
import { isSameUnclaimed, type Unclaimed } from './unclaimed-keys.js';
import { UndecodableKeys } from './undecodable-keys.js';

export interface TableOptions {
  /** What the table is of: nothing else may be put into it. */
  readonly range: KeyRange;
  readonly collections: readonly CollectionTable[];
  readonly clock: Clock;
  /**
   * Whether a key's create revision stays while it lives. etcd v2 gives a key that is set again a new one, so there it
   * says nothing about a deletion in between.
   */
  readonly stableCreateRevisions: boolean;
}

/** What a mirror can compare with the store at little cost: how many keys there are, and which changed last. */
export interface Fingerprint {
  /** The revision at which it was taken. */
  readonly revision: Revision;
  readonly count: number;
  /** The revision of the newest entry; `undefined` where there are none. */
  readonly newest: Revision | undefined;
}

/** Hears what each step has touched, so that a copy can follow the table. */
export interface TableJournal {
  /** The store has another version of a whole key now, or none. What the table has is to be asked after the step. */
  touch(key: string): void;
  /** The table comes from another history than before: nothing that was written of it continues. */
  otherHistory(): void;
  /** The table has moved: everything that was touched belongs to this step. */
  moved(bookmark: Bookmark): void;
}

/** After how many changed keys, as a part of all keys, slabs are looked through for such as are mostly unused. */
const DUE_CHURN = 0.25;
const LEAST_CHURN = 256;

/**
 * Everything the mirror knows of its range, at one revision. It changes by whole steps only, by four verbs:
 * `applyBatch`, `Restore`, `patch` and `advance`. Each checks revisions, and none goes back in one history. Only one may run at a time.
 */
export class Table {
  readonly range: KeyRange;
  readonly collections: readonly CollectionTable[];
  readonly clock: Clock;
  readonly layout: Layout;
  readonly undecodable = new UndecodableKeys();
  /** What it was told last. */
  readonly recent = new RecentEvents();
  /** The revision, to wait for. */
  readonly position = new Watermark();
  /** Keys in the range that belong to no collection: counted, since the store's count has them, and not shown. */
  unclaimed = new Map<string, Unclaimed>();
  /** Follows the table, if anything does. */
  journal: TableJournal | undefined;
  readonly #stableCreateRevisions: boolean;
  #bookmark: Bookmark | undefined;
  #version = 0;
  /** That of whole keys. */
  #newest = new NewestRevision();
  #deleted: Set<string> | undefined;
  /** How many keys changed since the slabs were looked through. */
  #churn = 0;
  /** From how many on they are looked through. Counting all keys takes too long for each event. */
  #dueChurn = LEAST_CHURN;

  constructor({ range, collections, clock, stableCreateRevisions }: TableOptions) {
    this.range = range;
    this.collections = collections;
    this.layout = new Layout(collections);
    this.clock = clock;
    this.#stableCreateRevisions = stableCreateRevisions;
  }

  /** What the table reflects; `undefined` before the first load. */
  get bookmark(): Bookmark | undefined {
    return this.#bookmark;
  }

  /** 0 before the first load: lower than every revision. */
  get revision(): number {
    return this.#bookmark?.revision ?? 0;
  }

  /** Moves with every step that changed something that users see, and with no other. */
  get version(): number {
    return this.#version;
  }

  /** How many keys the store has in the range, as far as the table knows: good, bad, unclaimed and unreadable ones. */
  get count(): number {
    let count = this.unclaimed.size + this.undecodable.size;
    for (const collection of this.collections) count += collection.storeCount;
    return count;
  }

  /** All whole keys, good, bad and unclaimed ones. */
  *keys(): IterableIterator<string> {
    for (const collection of this.collections) {
      for (const [relative] of collection.storeRevisions()) yield collection.absolute(relative);
    }
    yield* this.unclaimed.keys();
  }

  /** Those of all keys, unreadable ones too. */
  *modRevisions(): IterableIterator<Revision> {
    yield* this.#keyRevisions();
    yield* this.undecodable.revisions();
  }

  /** The keys that are not among these. */
  async keysBeside(present: ReadonlySet<string>): Promise<readonly string[]> {
    const slicer = new Slicer(this.clock);
    const beside: string[] = [];
    for (const key of this.keys()) {
      if (!present.has(key)) beside.push(key);
      if (slicer.isDue()) await slicer.pause();
    }
    return beside;
  }

  *problems(): IterableIterator<Problem> {
    for (const collection of this.collections) for (const bad of collection.bad.values()) yield bad.problem;
    yield* this.undecodable.problems();
  }

  has(key: string): boolean {
    const collection = this.layout.find(key);
    return collection === undefined ? this.unclaimed.has(key) : collection.has(collection.relative(key));
  }

  /** The revision at which a key was last put; `undefined` where the store has no such key. */
  revisionOf(key: string): Revision | undefined {
    const collection = this.layout.find(key);
    if (collection === undefined) return this.unclaimed.get(key)?.modRevision;
    return collection.revisions(collection.relative(key))?.modRevision;
  }

  /** Whether this is what the table has for the key, by its bytes too (of unclaimed keys a digest). */
  holds({ key, modRevision, createRevision, version, value }: KeyValue): boolean {
    const collection = this.layout.find(key);
    if (collection === undefined) return isSameUnclaimed(this.unclaimed.get(key), modRevision, value);
    return collection.holds(collection.relative(key), { modRevision, createRevision, version }, value);
  }

  holdsUndecodable(key: UndecodableKey): boolean {
    return this.undecodable.has(key);
  }

  /** @throws StoreError `internal` before the first load */
  fingerprint(): Fingerprint {
    if (this.#bookmark === undefined) throw new StoreError('internal', 'no fingerprint before the first load');
    return { revision: this.#bookmark.revision, count: this.count, newest: this.#newestRevision() };
  }

  /** Whether a key that was not there has a later create revision than that. */
  get hasStableLives(): boolean {
    return this.#stableCreateRevisions;
  }

  /** Whether a version with this create revision continues the life of the key as the table knows it. */
  continues(before: Pick<Revisions, 'createRevision'> | undefined, createRevision: Revision): boolean {
    return before !== undefined && (!this.#stableCreateRevisions || before.createRevision === createRevision);
  }

  /** While an audit runs: remembers which keys were deleted, in `into`. */
  recordDeletions(into: Set<string> | undefined): void {
    this.#deleted = into;
  }

  /** Takes note that nothing changed up to `bookmark`, as progress or a read has proved. */
  advance(bookmark: Bookmark): boolean {
    checkIdentity(checkBookmark(bookmark), this.#bookmark);
    if (bookmark.revision <= this.revision) return false;
    // A key may have come and gone in between.
    this.recent.skipTo(bookmark.revision);
    this.#move(bookmark);
    return true;
  }

  /** The decoding of many values, in slices. Keys of no collection give `undefined`. */
  async prepareAll(items: readonly (KeyValue | undefined)[]): Promise<readonly (Prepared | undefined)[]> {
    const slicer = new Slicer(this.clock);
    const prepared: (Prepared | undefined)[] = [];
    for (const item of items) {
      prepared.push(this.prepare(item));
      if (slicer.isDue()) await slicer.pause();
    }
    return prepared;
  }

  /** The decoding of one value. */
  prepare(item: KeyValue | undefined): Prepared | undefined {
    if (item === undefined) return undefined;
    const collection = this.layout.find(item.key);
    return collection?.prepare(
      collection.relative(item.key),
      { modRevision: item.modRevision, createRevision: item.createRevision, version: item.version },
      item.value,
    );
  }

  /** Makes one verb's step count: for `Restore` and `Patch`, which hold to the rules above. */
  finish(bookmark: Bookmark, step: Step): Step {
    // Nothing is gone with the first load.
    if (this.#bookmark !== undefined) this.#churn += step.changed;
    if (this.#isChurned) this.#dueChurn = Math.max(LEAST_CHURN, this.count * DUE_CHURN);
    this.#move(bookmark);
    if (step.changed > 0) this.#version += 1;
    return step;
  }

  /** Whether values that are gone may keep much memory, or the newest keys are gone. */
  get isUntidy(): boolean {
    return this.#isChurned || this.#newest.isUnknown;
  }

  /** Does the work that takes several turns of the event loop where there are many keys. Call it after a step, while no verb runs. */
  async tidy(): Promise<void> {
    const slicer = new Slicer(this.clock);
    if (this.#newest.isUnknown) await this.#findNewest(slicer);
    if (!this.#isChurned) return;
    this.#churn = 0;
    this.#dueChurn = LEAST_CHURN;
    const { collections } = this;
    const users = {
      rows: () => eachOf(collections, (collection) => collection.slabRows()),
      made: () => eachOf(collections, (collection) => collection.madeSlabUsers()),
      all: () => eachOf(collections, (collection) => collection.slabUsers()),
    };
    await compactSlabs(users, slicer);
  }

  get #isChurned(): boolean {
    return this.#churn >= this.#dueChurn;
  }

  /** For `Edits`. */
  noteDeletion(key: string): void {
    this.#deleted?.add(key);
  }

  /**
   * For `Edits`: another version of a key.
   *
   * @param before the revision that it had, if it was there
   * @param after the one that it has now, if it is there still
   */
  noteRevision(before: Revision | undefined, after: Revision | undefined): void {
    this.#newest.remove(before);
    if (after !== undefined) this.#newest.add(after);
  }

  /** For `Restore` and `Revive`, which know all keys. */
  noteNewest(revision: Revision | undefined): void {
    this.#newest = new NewestRevision(revision);
  }

  #move(bookmark: Bookmark): void {
    this.#bookmark = bookmark;
    this.journal?.moved(bookmark);
    this.position.set(bookmark.revision);
  }

  #newestRevision(): Revision | undefined {
    if (this.#newest.isUnknown) {
      const found = new NewestRevision();
      for (const revision of this.#keyRevisions()) found.add(revision);
      this.#newest = found;
    }
    return highest([this.#newest.revision, ...this.undecodable.revisions()]);
  }

  /** The same in slices, before anybody asks. */
  async #findNewest(slicer: Slicer): Promise<void> {
    const found = new NewestRevision();
    const bad = this.#badCount;
    for (const revision of this.#keyRevisions()) {
      found.add(revision);
      if (slicer.isDue()) await slicer.pause();
    }
    // A value that was found to be bad by a read meanwhile may have been counted twice.
    if (this.#badCount === bad) this.#newest = found;
  }

  get #badCount(): number {
    return this.collections.reduce((count, { bad }) => count + bad.size, 0);
  }

  *#keyRevisions(): IterableIterator<Revision> {
    for (const collection of this.collections) yield* collection.modRevisions();
    for (const { modRevision } of this.unclaimed.values()) yield modRevision;
  }
}

function highest(revisions: Iterable<Revision | undefined>): Revision | undefined {
  let found: Revision | undefined;
  for (const revision of revisions) if (revision !== undefined && revision > (found ?? 0)) found = revision;
  return found;
}

/** What each of these has, one after another. */
function* eachOf<Each, Part>(all: Iterable<Each>, parts: (each: Each) => Iterable<Part>): Generator<Part> {
  for (const each of all) yield* parts(each);
}
