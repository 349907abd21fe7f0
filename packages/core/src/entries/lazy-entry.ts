import { type Revision, StoreError } from '@holdfast/store';
import type { LRUCache } from 'lru-cache';
import type { Decoded, Decoder, Failure } from './decoder.js';
import type { Entry, Revisions } from './entry.js';
import { type RawValue, sameRawValue, toRawValue } from '../values/raw-value.js';
import { Slab, type SlabUser } from './slab.js';

/** Shared by the lazy entries of one collection. */
export interface LazyContext {
  readonly decoder: Decoder;
  /** Keeps decoded values. Without it, all stay on their entries. */
  readonly cache: LRUCache<LazyEntry<unknown>, Box> | undefined;
  /** Called once, when an entry's value turns out bad on a read. */
  onBad(entry: LazyEntry<unknown>, failure: Failure): void;
}

/** A decoded value in the cache. Boxed, since the value may be `undefined`. */
export class Box {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** The value can't be shown. */
class Bad {
  readonly failure: Failure;
  readonly lastGood: LazyEntry<unknown> | undefined;

  constructor(failure: Failure, lastGood: LazyEntry<unknown> | undefined) {
    this.failure = failure;
    this.lastGood = lastGood;
  }
}

/** Nobody has read the value, and there is no fallback. With a fallback, the state is that entry. */
const UNREAD = 'unread';
type Unread = typeof UNREAD;

/** The value is good. It is on the entry, or in the cache unless it was evicted. */
const GOOD = 'good';
type Good = typeof GOOD;

/** The value is good, and was not kept: nobody has asked for it. */
const CHECKED = 'checked';
type Checked = typeof CHECKED;

/**
 * An entry whose value is decoded on its first read. Until that succeeds the entry keeps the last good one, which `value` gives if
 * decoding fails (promise M5). The decoded value may be evicted; the entry stays the same object.
 */
export class LazyEntry<T> implements Entry<T>, SlabUser {
  readonly key: string;
  readonly modRevision: Revision;
  readonly createRevision: Revision;
  declare readonly version?: number;
  readonly #context: LazyContext;
  #raw: RawValue | Slab;
  /** The row in the slab, if the value is in one. */
  readonly #index: number;
  #state: Unread | LazyEntry<unknown> | Checked | Good | Bad;
  // Apart from the state, since every read looks at it. `undefined`: not decoded, or in the cache, or really `undefined`.
  #value: unknown;

  /** @param superseded the key's entry until now, if the key was not deleted in between */
  constructor(
    context: LazyContext,
    key: string,
    { modRevision, createRevision, version }: Revisions,
    raw: RawValue | Slab,
    index: number,
    superseded: LazyEntry<unknown> | undefined,
  ) {
    this.#context = context;
    this.#raw = raw;
    this.#index = index;
    this.#state = superseded === undefined ? UNREAD : (superseded.#asLastGood() ?? UNREAD);
    this.key = key;
    this.modRevision = modRevision;
    this.createRevision = createRevision;
    if (version !== undefined) this.version = version;
    Object.freeze(this);
  }

  /**
   * @throws StoreError `invalid-argument` if the stored value can't be decoded and there is no good one before it. That happens only
   * for entries of change events: the mirror itself no longer shows the key then.
   */
  get value(): T {
    const value = this.#value;
    // Kept short, so that V8 inlines it: every read takes this path.
    return value === undefined ? this.#lookForValue() : (value as T);
  }

  #lookForValue(): T {
    if (this.isReadable()) return this.#decoded() as T;
    const fallback = this.fallback;
    if (fallback !== undefined) return fallback.value as T;
    throw new StoreError(
      'invalid-argument',
      `the value of key ${JSON.stringify(this.key)} at revision ${this.modRevision} cannot be decoded; see the mirror's problems()`,
    );
  }

  /** Whether its own value can be shown. The first call decodes it. */
  isReadable(): boolean {
    return this.#value !== undefined || this.#findOut();
  }

  #findOut(): boolean {
    if (this.#state === GOOD || this.#state === CHECKED) return true;
    if (this.#state instanceof Bad) return false;
    const decoded = this.#read();
    if (!decoded.ok) this.#context.onBad(this, decoded);
    return decoded.ok;
  }

  /** Why its value can't be shown, if that is known. */
  get failure(): Failure | undefined {
    return this.#state instanceof Bad ? this.#state.failure : undefined;
  }

  /** The entry to show instead of one that is not readable. */
  get lastGood(): LazyEntry<unknown> | undefined {
    const fallback = this.fallback;
    return fallback?.isReadable() === true ? fallback : undefined;
  }

  hasContent(bytes: Uint8Array): boolean {
    return sameRawValue(this.#raw instanceof Slab ? this.#raw.value(this.#index) : this.#raw, bytes);
  }

  get raw(): RawValue {
    return this.#raw instanceof Slab ? toRawValue(this.#raw.value(this.#index)) : this.#raw;
  }

  get slab(): Slab | undefined {
    return this.#raw instanceof Slab ? this.#raw : undefined;
  }

  leaveSlab(): void {
    this.#raw = this.raw;
  }

  /** Shows the value, not the raw bytes. */
  toJSON(): Entry<T> {
    const { key, value, modRevision, createRevision, version } = this;
    return { key, value, modRevision, createRevision, ...(version === undefined ? {} : { version }) };
  }

  /** The entry to show if its own value is bad. Kept only until the value is known to be good. */
  get fallback(): LazyEntry<unknown> | undefined {
    const state = this.#state;
    if (state instanceof LazyEntry) return state;
    return state instanceof Bad ? state.lastGood : undefined;
  }

  /**
   * The fallback for a successor. An unread entry that still has a fallback of its own is decoded now, so that a key never keeps more
   * than two raw values. A bad one is skipped in silence: it is no longer the key's value.
   */
  #asLastGood(): LazyEntry<unknown> | undefined {
    if (this.#state instanceof LazyEntry && this.#decode().ok) this.#state = CHECKED;
    return this.#state instanceof Bad ? this.#state.lastGood : this;
  }

  #read(): Decoded {
    const decoded = this.#decode();
    if (!decoded.ok) return decoded;
    this.#state = GOOD;
    if (this.#context.cache === undefined) this.#value = decoded.value;
    else this.#context.cache.set(this, new Box(decoded.value));
    return decoded;
  }

  #decode(): Decoded {
    const decoded = this.#context.decoder.decode(this.raw, this.key, this);
    if (!decoded.ok) this.#state = new Bad(decoded, this.fallback);
    return decoded;
  }

  #decoded(): unknown {
    const { cache } = this.#context;
    if (this.#value !== undefined || (cache === undefined && this.#state === GOOD)) return this.#value;
    const box = cache?.get(this);
    if (box !== undefined) return box.value;
    const decoded = this.#read();
    if (decoded.ok) return decoded.value;
    throw new StoreError(
      'internal',
      `the value of key ${JSON.stringify(this.key)} was decoded before and now is not (${decoded.reason}); codecs, schemas and transforms must give the same result for the same bytes`,
    );
  }
}
