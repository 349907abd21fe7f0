import type { Decoded, Decoder, Failure } from './decoder.js';
import { digest } from './digest.js';
import { EagerEntry, type Entry, KeptEntry, type Revisions, sameRevisions } from './entry.js';
import { type LazyContext, LazyEntry } from './lazy-entry.js';
import { type RawValue, sameRawValue, toRawValue } from '../values/raw-value.js';
import type { Slab } from './slab.js';

/** An incoming version of a key, with the slow part (decoding, copying) done. */
export interface Prepared {
  readonly key: string;
  readonly revisions: Revisions;
  readonly content: number | RawValue | Slab;
  /** Where the content is in its slab, if it is in one. */
  readonly index?: number;
  /** Absent where decoding is put off. */
  readonly decoded?: Decoded;
  /** The bytes, where they are kept beside what they became. */
  readonly raw?: RawValue;
}

export type Made =
  | { readonly entry: Entry<unknown> }
  /** `content` tells whether an incoming version is the same bad one. */
  | { readonly failure: Failure; readonly content: number; readonly raw?: RawValue };

/** How values are kept: decoded on arrival, or undecoded until read. The tables are the same for both. */
export interface EntryMaker {
  prepare(key: string, revisions: Revisions, bytes: Uint8Array): Prepared;
  /** The same for a value that is in a slab, and may stay there. */
  prepareInSlab(key: string, revisions: Revisions, slab: Slab, index: number): Prepared;
  /** The shorter way for a value in a slab that follows on none; `undefined` where it can't be shown. */
  fromSlab(key: string, slab: Slab, index: number): Entry<unknown> | undefined;
  /** @param superseded the entry it follows on, to fall back to */
  make(prepared: Prepared, superseded: Entry<unknown> | undefined): Made;
  /** Whether the entry is exactly this version. */
  isSame(entry: Entry<unknown>, revisions: Revisions, bytes: Uint8Array): boolean;
  sameContent(content: number | RawValue, bytes: Uint8Array): boolean;
}

export class EagerMaker implements EntryMaker {
  readonly #decoder: Decoder;
  readonly #keepsBytes: boolean;

  /** @param keepsBytes whether values are kept undecoded too */
  constructor(decoder: Decoder, keepsBytes: boolean) {
    this.#decoder = decoder;
    this.#keepsBytes = keepsBytes;
  }

  prepare(key: string, revisions: Revisions, bytes: Uint8Array): Prepared {
    // Before a codec has the bytes: one may write into them, such as by decrypting in place.
    const content = digest(bytes);
    const raw = this.#keepsBytes ? { raw: toRawValue(bytes) } : undefined;
    return { key, revisions, content, decoded: this.#decoder.decode(bytes, key, revisions), ...raw };
  }

  prepareInSlab(key: string, revisions: Revisions, slab: Slab, index: number): Prepared {
    return this.prepare(key, revisions, slab.value(index));
  }

  fromSlab(key: string, slab: Slab, index: number): Entry<unknown> | undefined {
    const revisions = slab.revisions(index);
    const bytes = slab.value(index);
    // As in prepare().
    const content = digest(bytes);
    const raw = this.#keepsBytes ? toRawValue(bytes) : undefined;
    const decoded = this.#decoder.decode(bytes, key, revisions);
    return decoded.ok ? eagerEntry(key, revisions, decoded.value, content, raw) : undefined;
  }

  make({ key, revisions, content, decoded, raw }: Prepared): Made {
    if (decoded?.ok === false)
      return { failure: decoded, content: Number(content), ...(raw === undefined ? {} : { raw }) };
    return { entry: eagerEntry(key, revisions, decoded?.value, Number(content), raw) };
  }

  isSame(entry: Entry<unknown>, revisions: Revisions, bytes: Uint8Array): boolean {
    return sameRevisions(entry, revisions) && entry instanceof EagerEntry && entry.hasDigest(digest(bytes));
  }

  sameContent(content: number | RawValue, bytes: Uint8Array): boolean {
    return content === digest(bytes);
  }
}

function eagerEntry(
  key: string,
  revisions: Revisions,
  value: unknown,
  digest: number,
  raw: RawValue | undefined,
): Entry<unknown> {
  return raw === undefined
    ? new EagerEntry(key, revisions, value, digest)
    : new KeptEntry(key, revisions, value, digest, raw);
}

export class LazyMaker implements EntryMaker {
  readonly #context: LazyContext;

  constructor(context: LazyContext) {
    this.#context = context;
  }

  prepare(key: string, revisions: Revisions, bytes: Uint8Array): Prepared {
    return { key, revisions, content: toRawValue(bytes) };
  }

  prepareInSlab(key: string, revisions: Revisions, slab: Slab, index: number): Prepared {
    return { key, revisions, content: slab, index };
  }

  fromSlab(key: string, slab: Slab, index: number): LazyEntry<unknown> {
    return new LazyEntry(this.#context, key, slab.revisions(index), slab, index, undefined);
  }

  make({ key, revisions, content, index = -1 }: Prepared, superseded: Entry<unknown> | undefined): Made {
    const lastGood = superseded instanceof LazyEntry ? superseded : undefined;
    return { entry: new LazyEntry(this.#context, key, revisions, content as RawValue | Slab, index, lastGood) };
  }

  isSame(entry: Entry<unknown>, revisions: Revisions, bytes: Uint8Array): boolean {
    return sameRevisions(entry, revisions) && entry instanceof LazyEntry && entry.hasContent(bytes);
  }

  sameContent(content: number | RawValue, bytes: Uint8Array): boolean {
    return typeof content !== 'number' && sameRawValue(content, bytes);
  }
}
