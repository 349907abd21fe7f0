import { quoted } from '@holdfast/store/adapter';
import { type Revision, StoreError } from '@holdfast/store';
import type { LRUCache } from 'lru-cache';
import type { Decoded, Decoder, Failure } from './decoder.js';
import type { Entry, Revisions } from './entry.js';
import { type RawValue, sameRawValue, toRawValue } from '../values/raw-value.js';
import { Slab, type SlabUser } from './slab.js';

/** What the lazy entries of one collection share. */
export interface LazyContext {
  readonly decoder: Decoder;
  /** Where decoded values are kept; `undefined`: on the entries themselves, all of them. */
  readonly cache: LRUCache<LazyEntry<unknown>, Box> | undefined;
  /** Called once for an entry whose value turned out bad on a read. */
  onBad(entry: LazyEntry<unknown>, failure: Failure): void;
}

/** A decoded value in the cache: one that is `undefined` can be there too. */
export class Box {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** It turned out that the value can't be shown. */
class Bad {
  readonly failure: Failure;
  readonly lastGood: LazyEntry<unknown> | undefined;

  constructor(failure: Failure, lastGood: LazyEntry<unknown> | undefined) {
    this.failure = failure;
    this.lastGood = lastGood;
  }
}

/** Nobody has read the value, and there is nothing to fall back to. (With something to fall back to, the state is that.) */
const UNREAD = 'unread';
type Unread = typeof UNREAD;

/** The value is good. It is on the entry, or in the cache if it was not evicted. */
const GOOD = 'good';
type Good = typeof GOOD;

/** The value is known to be good, and was not kept: nobody has asked for it. */
const CHECKED = 'checked';
type Checked = typeof CHECKED;

/**
 * An entry whose value is decoded on its first read. Until that has succeeded it holds on to the last good one, which is
 * what `value` gives if it fails (promise M5). The decoded value may be evicted; the entry stays the same object.
 */
export class LazyEntry<T> implements Entry<T>, SlabUser {
  readonly key: string;
  readonly modRevision: Revision;
  readonly createRevision: Revision;
  declare readonly version?: number;
  readonly #context: LazyContext;
  #raw: RawValue | Slab;
  /** Where in the slab, if it is in one. */
  readonly #index: number;
  #state: Unread | LazyEntry<unknown> | Checked | Good | Bad;
  // Apart from the state, since this is what every read looks at. `undefined`: not decoded, or kept in the cache, or really that.
  #value: unknown;

  /** @param superseded the key's entry until now, if this is a later version of the same life of the key */
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
   * @throws StoreError `invalid-argument` where the stored value can't be decoded and there is no good one before it:
   * possible only for entries from change events, since the mirror itself then no longer shows the key.
   */
  get value(): T {
    const value = this.#value;
    // What every read does is kept this short, so that V8 puts it where the read is.
    return value === undefined ? this.#lookForValue() : (value as T);
  }

  #lookForValue(): T {
    if (this.isReadable()) return this.#decoded() as T;
    const fallback = this.fallback;
    if (fallback !== undefined) return fallback.value as T;
    throw new StoreError(
      'invalid-argument',
      `the value of key ${quoted(this.key)} at revision ${this.modRevision} cannot be decoded; see the mirror's problems()`,
    );
  }

  /** Whether its own value can be shown, which the first call finds out. */
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

  /** Why it is not readable, if that is known. */
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

  /** The raw value is not JSON's to show; the value is. */
  toJSON(): Entry<T> {
    const { key, value, modRevision, createRevision, version } = this;
    return { key, value, modRevision, createRevision, ...(version === undefined ? {} : { version }) };
  }

  /** What it would show instead of its own value; kept only as long as that may be bad. */
  get fallback(): LazyEntry<unknown> | undefined {
    const state = this.#state;
    if (state instanceof LazyEntry) return state;
    return state instanceof Bad ? state.lastGood : undefined;
  }

  /**
   * What a successor falls back to. An unread entry that itself still needs a fallback is looked at now, so that never more
   * than two raw values of a key are kept. A bad one is passed over in silence: it is no longer the key's value.
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
    // A codec may write into the bytes, or show them as the value: it never gets those that are kept.
    const kept = this.#raw;
    const raw = kept instanceof Uint8Array ? kept.slice() : this.raw;
    const decoded = this.#context.decoder.decode(raw, this.key, this);
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
      `the value of key ${quoted(this.key)} was decoded before and now is not (${decoded.reason}); codecs, schemas and transforms must give the same result for the same bytes`,
    );
  }
}
