import { type Clock, type Revision, StoreError } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import type { Decoder, Failure } from '../entries/decoder.js';
import { type Entry, KeptEntry, type Revisions, sameRevisions } from '../entries/entry.js';
import { EntryMap, type Held, type MakeEntry } from '../entries/entry-map.js';
import { EagerMaker, type EntryMaker, LazyMaker, type Prepared } from '../entries/entry-maker.js';
import { type Box, LazyEntry } from '../entries/lazy-entry.js';
import { CollectionWalk } from './collection-walk.js';
import { type Problem, toProblem } from '../events/problem.js';
import type { RawValue } from '../values/raw-value.js';
import type { Slab, SlabUser } from '../entries/slab.js';
import type { LRUCache } from 'lru-cache';

export interface CollectionTableOptions {
  /** Absent in a mirror that has no collections. */
  readonly name?: string | undefined;
  /** The whole key of a single-key collection, or the whole prefix. */
  readonly where: { readonly key: string } | { readonly prefix: string };
  /** What of it users don't see. */
  readonly hidden: number;
  readonly decoder: Decoder;
  readonly decode: 'eager' | 'lazy';
  readonly cache: LRUCache<LazyEntry<unknown>, Box> | undefined;
  /** Whether the bytes of decoded values are kept, for a copy of the mirror to be made of. */
  readonly keepsBytes?: boolean;
  readonly clock: Clock;
  /** A lazily decoded value turned out bad. `key`: the whole key. */
  readonly onInvalid: (problem: Problem, key: string) => void;
}

/** A problem with what is needed to tell whether an incoming version is the same one. */
export interface BadValue extends Revisions {
  readonly problem: Problem;
  readonly content: number | RawValue;
  /** The bytes, where the content is a digest and they are kept too. */
  readonly raw?: RawValue;
}

/** What is known of one key. Neither: it is not there. Both: the entry is the last good one. */
export interface KeyState {
  readonly entry: Entry<unknown> | undefined;
  readonly bad: BadValue | undefined;
}

/** A version of a key as a copy has it. */
export interface SavedVersion extends Revisions {
  readonly raw: RawValue;
}

/** A key as a copy has it. */
export interface SavedKey {
  /** What the store has. */
  readonly current: SavedVersion;
  /** What is shown, or would be, in place of a version that is bad or may be. */
  readonly lastGood: SavedVersion | undefined;
  /** Why the version of the store can't be shown. */
  readonly bad: { readonly reason: string; readonly since: number } | undefined;
}

function revisionsOf({ modRevision, createRevision, version }: Revisions): Revisions {
  return { modRevision, createRevision, version };
}

const ABSENT: KeyState = { entry: undefined, bad: undefined };

/**
 * The keys of one collection, by relative key. Invariant: a key that the store has is in `entries`, in `bad`, or in both
 * (then `bad` is what the store has, and the entry the last good one); a key that it has not is in neither.
 */
export class CollectionTable {
  readonly name: string | undefined;
  readonly range: KeyRange;
  /** Whether values are decoded when they are read first. */
  readonly isLazy: boolean;
  readonly #hidden: number;
  readonly #base: string;
  readonly #maker: EntryMaker;
  readonly #clock: Clock;
  readonly #make: MakeEntry = (key, slab, index) => {
    const entry = this.#maker.fromSlab(key, slab, index);
    if (entry === undefined) throw new StoreError('internal', 'only a lazy mirror makes entries when they are read');
    return entry;
  };
  #entries = this.newEntries(0);
  #held = this.#entries.held;
  #bad = new Map<string, BadValue>();

  constructor(options: CollectionTableOptions) {
    this.name = options.name;
    this.range = KeyRange.from(options.where);
    this.#hidden = options.hidden;
    this.#base = ('key' in options.where ? options.where.key : options.where.prefix).slice(0, options.hidden);
    this.#clock = options.clock;
    this.isLazy = options.decode === 'lazy';
    this.#maker = this.isLazy
      ? new LazyMaker({
          decoder: options.decoder,
          cache: options.cache,
          onBad: (entry, failure) => {
            const problem = this.#unmask(entry, failure);
            if (problem !== undefined) options.onInvalid(problem, this.absolute(entry.key));
          },
        })
      : new EagerMaker(options.decoder, options.keepsBytes ?? false);
  }

  get entries(): Pick<EntryMap, 'size' | 'has' | 'get' | 'keys' | 'values'> {
    return this.#entries;
  }

  /** For about so many keys, to be filled and handed to `replace`. */
  newEntries(keys: number): EntryMap {
    return new EntryMap(keys, this.#make);
  }

  get bad(): ReadonlyMap<string, BadValue> {
    return this.#bad;
  }

  /** What is shown for a key. */
  get(key: string): Entry<unknown> | undefined {
    const held = this.#held.get(key);
    // Only lazy entries wait to be made.
    if (!this.isLazy) return held as Entry<unknown> | undefined;
    return typeof held === 'object' && (held as LazyEntry<unknown>).isReadable() ? held : this.#reveal(key);
  }

  /** The same for an entry that is not made yet, or whose value can't be shown. */
  #reveal(key: string): Entry<unknown> | undefined {
    const entry = this.#entries.get(key) as LazyEntry<unknown> | undefined;
    if (entry === undefined || entry.isReadable()) return entry;
    // It has made way for the last good one by now, unless it was found bad while a resync was carrying it over.
    if (entry.failure !== undefined) this.#unmask(entry, entry.failure);
    return this.#entries.get(key);
  }

  /** All that is shown: the keys as they were at the start of the iteration or later. */
  *shown(): IterableIterator<[string, Entry<unknown>]> {
    if (!this.isLazy) {
      yield* this.#entries;
      return;
    }
    for (const key of this.#entries.keys()) {
      const entry = this.get(key);
      if (entry !== undefined) yield [key, entry];
    }
  }

  relative(key: string): string {
    return this.#hidden === 0 ? key : key.slice(this.#hidden);
  }

  absolute(key: string): string {
    return this.#base + key;
  }

  /** How many of the store's keys these are, good and bad. */
  get storeCount(): number {
    let count = this.#entries.size;
    if (this.#bad.size === 0) return count;
    for (const key of this.#bad.keys()) if (!this.#entries.has(key)) count += 1;
    return count;
  }

  has(key: string): boolean {
    return this.#entries.has(key) || this.#bad.has(key);
  }

  state(key: string): KeyState {
    if (this.isEmpty) return ABSENT;
    return { entry: this.#entries.get(key), bad: this.#bad.get(key) };
  }

  /** The revisions of the version that the store has. */
  revisions(key: string): Omit<Revisions, 'version'> | undefined {
    return this.#bad.get(key) ?? this.#entries.revisions(key);
  }

  /** The same for many keys, while nothing changes. */
  walk(): CollectionWalk {
    return new CollectionWalk({ entries: this.#entries, bad: this.#bad, base: this.#base });
  }

  /** The keys with their revision in the store, each once. */
  *storeRevisions(): IterableIterator<[string, Revision]> {
    for (const [key, { modRevision }] of this.#entries.allRevisions()) {
      if (!this.#bad.has(key)) yield [key, modRevision];
    }
    for (const [key, bad] of this.#bad) yield [key, bad.modRevision];
  }

  /** Those of the store's versions. */
  *modRevisions(): IterableIterator<Revision> {
    const hasBad = this.#bad.size > 0;
    for (const [key, { modRevision }] of this.#entries.allRevisions()) {
      if (!hasBad || !this.#bad.has(key)) yield modRevision;
    }
    for (const { modRevision } of this.#bad.values()) yield modRevision;
  }

  /** Whether the store's version of a key is exactly this one, by its bytes too. */
  holds(key: string, revisions: Revisions, bytes: Uint8Array): boolean {
    const bad = this.#bad.get(key);
    if (bad !== undefined) return sameRevisions(bad, revisions) && this.#maker.sameContent(bad.content, bytes);
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#maker.isSame(entry, revisions, bytes);
  }

  /** Whether what is shown for a key is exactly this version, although the store's was a bad one until now. */
  shows(key: string, revisions: Revisions, bytes: Uint8Array): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#maker.isSame(entry, revisions, bytes);
  }

  /** The slow part of taking in a version of a key. */
  prepare(key: string, revisions: Revisions, bytes: Uint8Array): Prepared {
    return this.#maker.prepare(key, revisions, bytes);
  }

  /** The same for a value in a slab, where it stays if nothing needs it now. */
  prepareInSlab(key: string, revisions: Revisions, slab: Slab, index: number): Prepared {
    return this.#maker.prepareInSlab(key, revisions, slab, index);
  }

  /** The entry of a key that was not there before, if it can be shown. */
  fromSlab(key: string, slab: Slab, index: number): Entry<unknown> | undefined {
    return this.#maker.fromSlab(key, slab, index);
  }

  /** How many entries that are not made yet each slab has. */
  slabRows(): Iterable<readonly [slab: Slab, count: number]> {
    return this.#entries.deferredRows();
  }

  /** Everything that may have its value in a slab. */
  *slabUsers(): Generator<SlabUser> {
    if (!this.isLazy) return;
    yield* this.#entries.deferred((entry) => {
      (entry as LazyEntry<unknown>).leaveSlab();
    });
    yield* this.madeSlabUsers();
  }

  /** Those of them that are entries which were made, or their fallbacks. */
  *madeSlabUsers(): Generator<SlabUser> {
    if (!this.isLazy) return;
    for (const entry of this.#entries.made() as Iterable<LazyEntry<unknown>>) {
      yield entry;
      if (entry.fallback !== undefined) yield entry.fallback;
    }
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0 && this.#bad.size === 0;
  }

  /**
   * What the key will be after this version. `sameLife` says that the key was not deleted in between: only then may the
   * last good value stand in for a bad one, since a deleted key is not resurrected (M5).
   */
  settle(
    prepared: Prepared,
    before: KeyState,
    sameLife: boolean,
    since: number = before.bad?.problem.since ?? this.#clock.now(),
  ): KeyState {
    const superseded = sameLife ? before.entry : undefined;
    const made = this.#maker.make(prepared, superseded);
    if ('entry' in made) return { entry: made.entry, bad: undefined };
    const { content, raw } = made;
    const bad = this.#toBad({ ...prepared, content, ...(raw === undefined ? {} : { raw }) }, made.failure, since);
    return { entry: superseded, bad };
  }

  /**
   * What a key will be that comes from a saved copy.
   *
   * @param lastGood what was shown in place of a bad version, or of one that nobody had read
   * @param since since when it was known to be bad, if it was
   */
  settleSaved(current: Prepared, lastGood: Prepared | undefined, since: number | undefined): KeyState {
    const before = lastGood === undefined ? ABSENT : this.settle(lastGood, ABSENT, false);
    const after = this.settle(current, { entry: before.entry, bad: undefined }, true, since);
    const { entry } = after;
    if (since === undefined || !(entry instanceof LazyEntry) || entry.isReadable()) return after;
    const { failure, lastGood: shown } = entry;
    if (failure === undefined) return after;
    return { entry: shown, bad: this.#toBad({ ...current, content: entry.raw }, failure, since) };
  }

  /** What a copy must have of a key; `undefined` where the store has no such key. */
  saved(key: string): SavedKey | undefined {
    const bad = this.#bad.get(key);
    const held = this.#held.get(key);
    if (bad !== undefined) {
      const { problem, content, raw = content } = bad;
      const current = { ...revisionsOf(bad), raw: typeof raw === 'number' ? '' : raw };
      const shown = held === undefined ? undefined : this.#versionOf(held);
      return { current, lastGood: shown, bad: { reason: problem.reason, since: problem.since } };
    }
    if (held === undefined) return undefined;
    const fallback = held instanceof LazyEntry ? held.fallback : undefined;
    const lastGood = fallback === undefined ? undefined : this.#versionOf(fallback);
    return { current: this.#versionOf(held), lastGood, bad: undefined };
  }

  /** All keys of the store, good and bad; keys that are added meanwhile may come too. */
  *savedKeys(): IterableIterator<string> {
    const { bad } = this;
    yield* this.#held.keys();
    for (const key of bad.keys()) if (!this.#entries.has(key)) yield key;
  }

  /** A version that is in `entries`, with its bytes. */
  versionIn(entries: EntryMap, key: string): SavedVersion | undefined {
    const held = entries.held.get(key);
    return held === undefined ? undefined : this.#versionOf(held, entries);
  }

  #versionOf(held: Held, entries = this.#entries): SavedVersion {
    if (typeof held === 'number') return entries.savedRow(held);
    const raw = held instanceof LazyEntry || held instanceof KeptEntry ? held.raw : '';
    return { ...revisionsOf(held), raw };
  }

  set(key: string, { entry, bad }: KeyState): void {
    if (entry === undefined) this.#entries.delete(key);
    else this.#entries.set(key, entry);
    if (bad === undefined) this.#bad.delete(key);
    else this.#bad.set(key, bad);
  }

  remove(key: string): void {
    this.#entries.delete(key);
    this.#bad.delete(key);
  }

  /** Takes over whole new tables in one step: whoever iterates over the old ones sees them to their end. */
  replace(entries: EntryMap, bad: Map<string, BadValue>): void {
    this.#entries = entries;
    this.#held = entries.held;
    this.#bad = bad;
  }

  #toBad(
    { key, revisions, content, raw }: Pick<BadValue, 'content' | 'raw'> & Pick<Prepared, 'key' | 'revisions'>,
    { reason, cause }: Failure,
    since: number,
  ): BadValue {
    const problem = toProblem({
      key,
      ...(this.name === undefined ? {} : { collection: this.name }),
      reason,
      ...(cause === undefined ? {} : { cause }),
      revision: revisions.modRevision,
      since,
    });
    return { ...revisions, problem, content, ...(raw === undefined ? {} : { raw }) };
  }

  /** A lazy entry turned out bad on its first read: it makes way for the last good one, if there is any. */
  #unmask(entry: LazyEntry<unknown>, failure: Failure): Problem | undefined {
    const key = entry.key;
    // Superseded entries are still read by those who hold them; that says nothing of the key as it is now.
    if (this.#entries.get(key) !== entry) return undefined;
    const { modRevision, createRevision, version } = entry;
    const bad = this.#toBad(
      { key, revisions: { modRevision, createRevision, version }, content: entry.raw },
      failure,
      this.#clock.now(),
    );
    this.set(key, { entry: entry.lastGood, bad });
    return bad.problem;
  }
}
