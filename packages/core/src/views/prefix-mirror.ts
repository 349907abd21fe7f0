import type { Change } from '../events/change.js';
import { BaseMirror, type MirrorParts } from './base-mirror.js';
import type { Collection, SingleKey } from './collection.js';
import type { CollectionTable } from '../table/collection-table.js';
import type { Entry } from '../entries/entry.js';

/** A mirror of one prefix: its entries by relative key, synchronous and from memory. */
export class Mirror<T> extends BaseMirror<Change<T>> implements Iterable<[string, Entry<T>]> {
  readonly #entries: Collection<T>;
  // What is read on every request is asked without a detour.
  readonly #table: CollectionTable;

  /** @internal */
  constructor(parts: MirrorParts, entries: Collection<T>, table: CollectionTable) {
    super(parts);
    this.#entries = entries;
    this.#table = table;
  }

  /** The entry of a key, or `undefined` where there is none to show. */
  get(key: string): Entry<T> | undefined {
    return this.#table.get(key) as Entry<T> | undefined;
  }

  /** With `decode: 'lazy'` also true for a key whose value nobody has read, and that may turn out bad. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** How many keys there are to show. */
  get size(): number {
    return this.#entries.size;
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** The entries, without their keys: they know those. */
  values(): IterableIterator<Entry<T>> {
    return this.#entries.values();
  }

  entries(): IterableIterator<[string, Entry<T>]> {
    return this.#entries.entries();
  }

  [Symbol.iterator](): IterableIterator<[string, Entry<T>]> {
    return this.#entries.entries();
  }
}

/** A mirror of one key. */
export class KeyMirror<T> extends Mirror<T> {
  readonly #single: SingleKey<T>;

  /** @internal */
  constructor(parts: MirrorParts, single: SingleKey<T>, table: CollectionTable) {
    super(parts, single, table);
    this.#single = single;
  }

  /** The key, whole. */
  get key(): string {
    return this.#single.key;
  }

  override get(key: string = this.key): Entry<T> | undefined {
    return super.get(key);
  }

  /** The entry, or `undefined` where the key is absent or was never good. */
  get entry(): Entry<T> | undefined {
    return this.#single.entry;
  }

  get value(): T | undefined {
    return this.#single.value;
  }
}
