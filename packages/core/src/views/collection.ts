import type { AnyChange, Change, ChangeEvent } from '../events/change.js';
import type { ChangeFeed, ChangeListener, ChangesOptions, SubscribeOptions } from '../events/change-feed.js';
import type { CollectionTable } from '../table/collection-table.js';
import type { Entry } from '../entries/entry.js';

/**
 * The entries of a mirror or of one of its collections, by relative key: synchronous, from memory. Iteration sees each key as
 * it is when it is reached; its order is not promised.
 */
export class Collection<T, C extends AnyChange = Change<T>> implements Iterable<[string, Entry<T>]> {
  readonly #table: CollectionTable;
  readonly #feed: ChangeFeed<C>;

  /** @internal */
  constructor(table: CollectionTable, feed: ChangeFeed<C>) {
    this.#table = table;
    this.#feed = feed;
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
}

/** A collection that is one key. */
export class SingleKey<T, C extends AnyChange = Change<T>> extends Collection<T, C> {
  /** The key, as `get` takes it. */
  readonly key: string;

  /** @internal */
  constructor(key: string, table: CollectionTable, feed: ChangeFeed<C>) {
    super(table, feed);
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
}

function checkName(event: string): void {
  if (event !== 'change')
    throw new TypeError(`a collection has no event '${event}'; it has 'change', and the mirror has the others`);
}
