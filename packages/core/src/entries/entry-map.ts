import type { Page } from '@holdfast/store';
import type { Entry, Revisions } from './entry.js';
import { LargeMap, mapFor } from '../util/large-map.js';
import { toRawValue } from '../values/raw-value.js';
import { SlabRows } from './slab-rows.js';
import type { Slab, SlabUser } from './slab.js';

/** Makes the entry of a key whose value is in a slab. */
export type MakeEntry = (key: string, slab: Slab, index: number) => Entry<unknown>;

/** An entry, or the row of one that is not made yet. */
export type Held = Entry<unknown> | number;

/**
 * The entries of a collection by their relative keys. Those of a load are made when somebody asks for them first, and are the
 * same objects from then on: of a large mirror that is read sparsely most never are.
 */
export class EntryMap {
  readonly #make: MakeEntry;
  readonly #held: Map<string, Held>;
  readonly #rows = new SlabRows();

  /** @param keys about how many there will be */
  constructor(keys: number, make: MakeEntry) {
    this.#make = make;
    this.#held = mapFor(keys);
  }

  get size(): number {
    return this.#held.size;
  }

  /** What is there as it is there: for who reads on every request, and knows what to do with a row. */
  get held(): ReadonlyMap<string, Held> {
    return this.#held;
  }

  /** Whether it iterates in the order in which keys were added. */
  get isOrdered(): boolean {
    return !(this.#held instanceof LargeMap);
  }

  /** Grows with each row that is needed no more: those that were got before may be gone then. */
  get released(): number {
    return this.#rows.released;
  }

  has(key: string): boolean {
    return this.#held.has(key);
  }

  get(key: string): Entry<unknown> | undefined {
    const held = this.#held.get(key);
    return typeof held === 'number' ? this.#made(key, held) : held;
  }

  set(key: string, entry: Entry<unknown>): void {
    this.#forget(key);
    this.#held.set(key, entry);
  }

  /** Adds a key that is not there yet, with an entry that is made when it is asked for. */
  defer(key: string, slab: Slab, index: number): void {
    this.#held.set(key, this.#rows.add(slab, index));
  }

  delete(key: string): void {
    this.#forget(key);
    this.#held.delete(key);
  }

  keys(): IterableIterator<string> {
    return this.#held.keys();
  }

  *values(): IterableIterator<Entry<unknown>> {
    for (const [, entry] of this) yield entry;
  }

  *[Symbol.iterator](): IterableIterator<[string, Entry<unknown>]> {
    for (const pair of this.#held) {
      const [key, held] = pair;
      yield typeof held === 'number' ? [key, this.#made(key, held)] : (pair as [string, Entry<unknown>]);
    }
  }

  /** What is known of a key beside its value, without its entry being made. */
  revisions(key: string): Revisions | undefined {
    const held = this.#held.get(key);
    return held === undefined ? undefined : this.revisionsOf(held);
  }

  /** The same of what is held for a key. */
  revisionsOf(held: Held): Revisions {
    if (typeof held !== 'number') return held;
    const { slab, index } = this.#rows.at(held);
    return slab.revisions(index);
  }

  /** Whether what is held for a key is the version that an entry of a page has. */
  isVersion(held: Held, page: Page, index: number): boolean {
    if (typeof held === 'number') return this.#rows.isVersion(held, page, index);
    if (held.modRevision !== page.modRevision(index) || held.createRevision !== page.createRevision(index))
      return false;
    const { version } = held;
    return version === undefined || version === (page.version(index) ?? version);
  }

  /** What a copy must have of an entry that is not made yet. The bytes are those of its slab. */
  savedRow(row: number): Revisions & { readonly raw: Uint8Array } {
    const { slab, index } = this.#rows.at(row);
    return { ...slab.revisions(index), raw: slab.value(index) };
  }

  /** The same of all keys. */
  *allRevisions(): IterableIterator<readonly [string, Revisions]> {
    for (const [key, held] of this.#held) yield [key, this.revisionsOf(held)];
  }

  /** The entries that were made. */
  *made(): IterableIterator<Entry<unknown>> {
    for (const held of this.#held.values()) if (typeof held !== 'number') yield held;
  }

  /** How many that were not each slab has. */
  deferredRows(): Iterable<readonly [slab: Slab, count: number]> {
    return this.#rows.counts();
  }

  /** Those that were not: an entry that leaves its slab is made for that, by `leave`. */
  *deferred(leave: (entry: Entry<unknown>) => void): IterableIterator<SlabUser> {
    for (const [key, held] of this.#held) {
      if (typeof held !== 'number') continue;
      const { slab, index } = this.#rows.at(held);
      yield {
        slab,
        get raw() {
          return toRawValue(slab.value(index));
        },
        leaveSlab: () => {
          leave(this.#made(key, held));
        },
      };
    }
  }

  #made(key: string, row: number): Entry<unknown> {
    const { slab, index } = this.#rows.at(row);
    this.#rows.release(row);
    const entry = this.#make(key, slab, index);
    this.#held.set(key, entry);
    return entry;
  }

  #forget(key: string): void {
    if (this.#rows.isEmpty) return;
    const held = this.#held.get(key);
    if (typeof held === 'number') this.#rows.release(held);
  }
}
