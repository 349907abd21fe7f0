import type { DeleteOptions, DeleteResult, GuardedDeleteResult, GuardedPutResult, PutResult } from '@holdfast/store';
import type { AnyChange, Change, ChangeEvent } from '../events/change.js';
import type { ChangeFeed, ChangeListener, ChangesOptions, SubscribeOptions } from '../events/change-feed.js';
import type { CollectionTable } from '../table/collection-table.js';
import type { Entry } from '../entries/entry.js';
import type { PutOp, PutOpOptions, TypedDeleteGuard, TypedPutGuard, TypedPutOptions } from '../writes/write-options.js';
import type { Writer } from '../writes/writer.js';

/**
 * The entries of a mirror or of one of its collections, by relative key: synchronous, from memory. Iteration sees each key as
 * it is when it is reached; its order is not promised. Writes go to the store, and are visible here once the mirror has them: await
 * `waitFor(revision)` of the mirror for that.
 *
 * `Input` is what the schema takes, or what the codec gives where there is no schema.
 */
export class Collection<T, C extends AnyChange = Change<T>, Input = never> implements Iterable<[string, Entry<T>]> {
  readonly #table: CollectionTable;
  readonly #feed: ChangeFeed<C>;
  readonly #writer: Writer;

  /** @internal */
  constructor(table: CollectionTable, feed: ChangeFeed<C>, writer: Writer) {
    this.#table = table;
    this.#feed = feed;
    this.#writer = writer;
  }

  /** The entry of a key, or `undefined` where there is none to show. */
  get(key: string): Entry<T> | undefined {
    return this.#table.get(key) as Entry<T> | undefined;
  }

  /** With `decode: 'lazy'` also true for a key whose value nobody has read, and that may turn out bad. */
  has(key: string): boolean {
    return this.#table.entries.has(key);
  }

  /** How many keys there are to show. */
  get size(): number {
    return this.#table.entries.size;
  }

  keys(): IterableIterator<string> {
    return this.#table.entries.keys();
  }

  /** The entries, without their keys: they know those. */
  *values(): IterableIterator<Entry<T>> {
    for (const [, entry] of this.#table.shown()) yield entry as Entry<T>;
  }

  entries(): IterableIterator<[string, Entry<T>]> {
    return this.#table.shown() as IterableIterator<[string, Entry<T>]>;
  }

  [Symbol.iterator](): IterableIterator<[string, Entry<T>]> {
    return this.entries();
  }

  /** Calls `listener` after every step that changed something here, with the net changes. What it throws goes to the logger. */
  on(event: 'change', listener: ChangeListener<C>): this {
    checkName(event);
    this.#feed.on(listener);
    return this;
  }

  once(event: 'change', listener: ChangeListener<C>): this {
    checkName(event);
    this.#feed.once(listener);
    return this;
  }

  off(event: 'change', listener: ChangeListener<C>): this {
    checkName(event);
    this.#feed.off(listener);
    return this;
  }

  /** Like `on('change')`, and can begin with what is there, without a gap. Returns the unsubscribe. */
  subscribe(listener: ChangeListener<C>, options?: SubscribeOptions): () => void {
    return this.#feed.subscribe(listener, options);
  }

  /** The changes from now on, one event a step, or the net changes of several where the consumer is slower than they come. */
  changes(options?: ChangesOptions): AsyncIterableIterator<ChangeEvent<C>> {
    return this.#feed.changes(options);
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
    return this.#writer.put(id, value, options);
  }

  /**
   * Deletes a key. Options and results are the store's, and `ifUnchanged` guards the delete by what the mirror knows of the key.
   *
   * @throws StoreError as the store's `delete()`
   */
  delete(id: string, options: DeleteOptions & TypedDeleteGuard): Promise<GuardedDeleteResult>;
  delete(id: string, options?: DeleteOptions): Promise<DeleteResult>;
  delete(id: string, options?: DeleteOptions): Promise<DeleteResult | GuardedDeleteResult> {
    return this.#writer.delete(id, options);
  }

  /**
   * An operation for `store.txn()`, with the whole key and a value that was checked as by `put()`.
   *
   * @throws StoreError `invalid-argument`, `unsupported`, `closed`, with outcome `not-applied`
   */
  putOp(id: string, value: Input, options?: PutOpOptions): Promise<PutOp> {
    return this.#writer.putOp(id, value, options);
  }
}

/** A collection that is one key. */
export class SingleKey<T, C extends AnyChange = Change<T>, Input = never> extends Collection<T, C, Input> {
  /** The key, as `get` takes it. */
  readonly key: string;

  /** @internal */
  constructor(key: string, table: CollectionTable, feed: ChangeFeed<C>, writer: Writer) {
    super(table, feed, writer);
    this.key = key;
  }

  override get(key: string = this.key): Entry<T> | undefined {
    return super.get(key);
  }

  /** The entry, or `undefined` where the key is absent or was never good. */
  get entry(): Entry<T> | undefined {
    return super.get(this.key);
  }

  get value(): T | undefined {
    return this.entry?.value;
  }

  /**
   * Writes the key's value, as `put()` does.
   *
   * @throws StoreError as `put()`
   */
  set(value: Input, options: TypedPutOptions & TypedPutGuard): Promise<GuardedPutResult>;
  set(value: Input, options?: TypedPutOptions): Promise<PutResult>;
  set(value: Input, options?: TypedPutOptions): Promise<PutResult | GuardedPutResult> {
    return this.put(this.key, value, options);
  }

  override delete(id: string | undefined, options: DeleteOptions & TypedDeleteGuard): Promise<GuardedDeleteResult>;
  override delete(id?: string, options?: DeleteOptions): Promise<DeleteResult>;
  override delete(id: string = this.key, options?: DeleteOptions): Promise<DeleteResult | GuardedDeleteResult> {
    return super.delete(id, options);
  }
}

function checkName(event: string): void {
  if (event !== 'change')
    throw new TypeError(`a collection has no event '${event}'; it has 'change', and the mirror has the others`);
}
