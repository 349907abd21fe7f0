import type { DeleteOptions, DeleteResult, GuardedDeleteResult, GuardedPutResult, PutResult } from '@holdfast/store';
import type { Change } from '../events/change.js';
import { BaseMirror, type MirrorParts } from './base-mirror.js';
import type { Collection, SingleKey } from './collection.js';
import type { CollectionTable } from '../table/collection-table.js';
import type { Entry } from '../entries/entry.js';
import type { PutOp, PutOpOptions, TypedDeleteGuard, TypedPutGuard, TypedPutOptions } from '../writes/write-options.js';

/**
 * A mirror of one prefix: its entries by relative key, synchronous and from memory. Writes go to the store, and are visible here once the
 * mirror has them: await `waitFor(revision)` for that. `Input` is what the schema takes, or what the codec gives where there is no schema.
 */
export class Mirror<T, Input = never> extends BaseMirror<Change<T>> implements Iterable<[string, Entry<T>]> {
  readonly #entries: Collection<T, Change<T>, Input>;
  // What is read on every request is asked without a detour.
  readonly #table: CollectionTable;

  /** @internal */
  constructor(parts: MirrorParts, entries: Collection<T, Change<T>, Input>, table: CollectionTable) {
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

  /**
   * Writes a value, checked by schema and codec before anything is sent; an asynchronous schema is waited for. Options and results are
   * the store's, and `ifUnchanged` guards the write by what the mirror knows of the key.
   *
   * @throws StoreError as the store's `put()`; `invalid-argument` with outcome `not-applied` for a value that fails its check, with the
   * schema's issues as its cause; `unsupported` where the codec has no `encode`
   */
  put(id: string, value: Input, options: TypedPutOptions & TypedPutGuard): Promise<GuardedPutResult>;
  put(id: string, value: Input, options?: TypedPutOptions): Promise<PutResult>;
  put(id: string, value: Input, options?: TypedPutOptions): Promise<PutResult | GuardedPutResult> {
    return this.#entries.put(id, value, options);
  }

  /**
   * Deletes a key. Options and results are the store's, and `ifUnchanged` guards the delete by what the mirror knows of the key.
   *
   * @throws StoreError as the store's `delete()`
   */
  delete(id: string, options: DeleteOptions & TypedDeleteGuard): Promise<GuardedDeleteResult>;
  delete(id: string, options?: DeleteOptions): Promise<DeleteResult>;
  delete(id: string, options?: DeleteOptions): Promise<DeleteResult | GuardedDeleteResult> {
    return this.#entries.delete(id, options);
  }

  /**
   * An operation for `store.txn()`, with the whole key and a value that was checked as by `put()`.
   *
   * @throws StoreError `invalid-argument`, `unsupported`, `closed`, with outcome `not-applied`
   */
  putOp(id: string, value: Input, options?: PutOpOptions): Promise<PutOp> {
    return this.#entries.putOp(id, value, options);
  }
}

/** A mirror of one key. */
export class KeyMirror<T, Input = never> extends Mirror<T, Input> {
  readonly #single: SingleKey<T, Change<T>, Input>;

  /** @internal */
  constructor(parts: MirrorParts, single: SingleKey<T, Change<T>, Input>, table: CollectionTable) {
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

  /**
   * Writes the key's value, as `put()` does.
   *
   * @throws StoreError as `put()`
   */
  set(value: Input, options: TypedPutOptions & TypedPutGuard): Promise<GuardedPutResult>;
  set(value: Input, options?: TypedPutOptions): Promise<PutResult>;
  set(value: Input, options?: TypedPutOptions): Promise<PutResult | GuardedPutResult> {
    return this.#single.set(value, options);
  }

  override delete(id: string | undefined, options: DeleteOptions & TypedDeleteGuard): Promise<GuardedDeleteResult>;
  override delete(id?: string, options?: DeleteOptions): Promise<DeleteResult>;
  override delete(id: string = this.key, options?: DeleteOptions): Promise<DeleteResult | GuardedDeleteResult> {
    return super.delete(id, options);
  }
}
