import { type Revision, StoreError } from '@holdfast/store';
import type { LRUCache } from 'lru-cache';
import type { Decoded, Decoder, Failure } from './decoder.js';
import type { Entry, EntryMeta } from './entry.js';
import { type RawValue, sameRawValue } from './raw-value.js';

/** What the lazy entries of one collection share. */
export interface LazyContext {
  readonly decoder: Decoder;
  /** Where decoded values are kept; `undefined`: on the entries themselves, all of them. */
  readonly cache: LRUCache<LazyEntry<unknown>, Box> | undefined;
  /** Called once for an entry whose value turned out bad on a read. */
  onBad(entry: LazyEntry<unknown>, failure: Failure): void;
}

/** So that a value which is `undefined` can be cached as well. */
export interface Box {
  readonly value: unknown;
}

/**
 * An entry whose value is decoded on its first read. Until that has succeeded it holds on to the last good one, which is
 * what `value` gives if it fails (promise M5). The decoded value may be evicted; the entry stays the same object.
 */
export class LazyEntry<T> implements Entry<T> {
  readonly key: string;
  readonly modRevision: Revision;
  readonly createRevision: Revision;
  declare readonly version?: number;
  readonly #context: LazyContext;
  readonly #raw: RawValue;
  #verdict: 'unread' | 'good' | Failure = 'unread';
  #box: Box | undefined;
  #lastGood: LazyEntry<unknown> | undefined;

  /** @param superseded the key's entry until now, if this is a later version of the same life of the key */
  constructor(context: LazyContext, meta: EntryMeta, raw: RawValue, superseded: LazyEntry<unknown> | undefined) {
    this.#context = context;
    this.key = meta.key;
    this.modRevision = meta.modRevision;
    this.createRevision = meta.createRevision;
    if (meta.version !== undefined) this.version = meta.version;
    this.#raw = raw;
    this.#lastGood = superseded === undefined ? undefined : superseded.#asLastGood();
    Object.freeze(this);
  }

  /**
   * @throws StoreError `invalid-argument` where the stored value can't be decoded and there is no good one before it:
   * possible only for entries from change events, since the mirror itself then no longer shows the key.
   */
  get value(): T {
    if (this.isReadable()) return this.#decoded() as T;
    if (this.#lastGood !== undefined) return this.#lastGood.value as T;
    throw new StoreError(
      'invalid-argument',
      `the value of key ${JSON.stringify(this.key)} at revision ${this.modRevision} cannot be decoded; see the mirror's problems()`,
    );
  }

  /** Whether its own value can be shown, which the first call finds out. */
  isReadable(): boolean {
    if (this.#verdict === 'unread') {
      const decoded = this.#read();
      if (!decoded.ok) this.#context.onBad(this, decoded);
    }
    return this.#verdict === 'good';
  }

  /** Why it is not readable, if that is known. */
  get failure(): Failure | undefined {
    return typeof this.#verdict === 'string' ? undefined : this.#verdict;
  }

  /** The entry to show instead of one that is not readable. */
  get lastGood(): LazyEntry<unknown> | undefined {
    return this.#lastGood?.isReadable() === true ? this.#lastGood : undefined;
  }

  hasContent(bytes: Uint8Array): boolean {
    return sameRawValue(this.#raw, bytes);
  }

  get raw(): RawValue {
    return this.#raw;
  }

  /** The raw value is not JSON's to show; the value is. */
  toJSON(): Entry<T> {
    const { key, value, modRevision, createRevision, version } = this;
    return { key, value, modRevision, createRevision, ...(version === undefined ? {} : { version }) };
  }

  /**
   * What a successor falls back to. An unread entry that itself still needs a fallback is read now, so that never more
   * than two raw values of a key are kept. A bad one is passed over in silence: it is no longer the key's value.
   */
  #asLastGood(): LazyEntry<unknown> | undefined {
    if (this.#verdict === 'unread' && this.#lastGood !== undefined) this.#read();
    return this.failure === undefined ? this : this.#lastGood;
  }

  #read(): Decoded {
    const decoded = this.#context.decoder.decode(this.#raw, this);
    this.#verdict = decoded.ok ? 'good' : decoded;
    if (decoded.ok) {
      this.#lastGood = undefined;
      this.#keep({ value: decoded.value });
    }
    return decoded;
  }

  #keep(box: Box): void {
    if (this.#context.cache === undefined) this.#box = box;
    else this.#context.cache.set(this, box);
  }

  #decoded(): unknown {
    const box = this.#box ?? this.#context.cache?.get(this);
    if (box !== undefined) return box.value;
    const decoded = this.#read();
    if (decoded.ok) return decoded.value;
    throw new StoreError(
      'internal',
      `the value of key ${JSON.stringify(this.key)} was decoded before and now is not (${decoded.reason}); codecs, schemas and transforms must give the same result for the same bytes`,
    );
  }
}
