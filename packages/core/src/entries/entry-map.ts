import type { Entry, Revisions } from './entry.js';
import { LargeMap, mapFor } from '../util/large-map.js';
import { toRawValue } from '../values/raw-value.js';
import { Rows } from './slab-rows.js';
import type { Slab, SlabUser } from './slab.js';

/** Makes the entry of a key whose value is in a slab. */
export type MakeEntry = (key: string, slab: Slab, index: number) => Entry<unknown>;

/** An entry, or the row number of one that is not made yet. */
export type Held = Entry<unknown> | number;

/**
 * The entries of a collection, by relative key. The entries of a load are made when somebody asks for them, and stay the same objects
 * from then on. In a large mirror that is read sparsely, most are never made.
 */
export class EntryMap {
  readonly #make: MakeEntry;
  readonly #held: Map<string, Held>;
  readonly #rows = new Rows();

  /** @param keys the expected number of keys */
  constructor(keys: number, make: MakeEntry) {
    this.#make = make;
    this.#held = mapFor(keys);
  }

  get size(): number {
    return this.#held.size;
  }

  /** The map itself, for the path of every read. Its users must handle rows. */
  get held(): ReadonlyMap<string, Held> {
    return this.#held;
  }

  /** Whether it iterates in the order in which the keys were added. */
  get isOrdered(): boolean {
    return !(this.#held instanceof LargeMap);
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

  /** Adds a new key. Its entry is made when somebody asks for it. */
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

  /** The revisions of a key. Does not make its entry. */
  revisions(key: string): Revisions | undefined {
    const held = this.#held.get(key);
    return held === undefined ? undefined : this.#revisionsOf(held);
  }

  /** The revisions of all keys. */
  *allRevisions(): IterableIterator<readonly [string, Revisions]> {
    for (const [key, held] of this.#held) yield [key, this.#revisionsOf(held)];
  }

  /** The entries that are made already. */
  *made(): IterableIterator<Entry<unknown>> {
    for (const held of this.#held.values()) if (typeof held !== 'number') yield held;
  }

  /** The entries that are not made yet. One that has to leave its slab is made, and passed to `leave`. */
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

  #revisionsOf(held: Entry<unknown> | number): Revisions {
    if (typeof held !== 'number') return held;
    const { slab, index } = this.#rows.at(held);
    return slab.revisions(index);
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
