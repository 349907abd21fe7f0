import type { Decoded, Decoder, Failure } from './decoder.js';
import { digest } from './digest.js';
import { EagerEntry, type Entry, type Revisions, sameRevisions, toMeta } from './entry.js';
import { type LazyContext, LazyEntry } from './lazy-entry.js';
import { type RawValue, sameRawValue, toRawValue } from './raw-value.js';

/** An incoming version of a key, with the slow part (decoding, copying) done. */
export interface Prepared {
  readonly key: string;
  readonly revisions: Revisions;
  readonly content: number | RawValue;
  /** Absent where decoding is put off. */
  readonly decoded?: Decoded;
}

export type Made = { readonly entry: Entry<unknown> } | { readonly failure: Failure };

/** How values are kept: decoded on arrival, or undecoded until read. The tables are the same for both. */
export interface EntryMaker {
  prepare(key: string, revisions: Revisions, bytes: Uint8Array): Prepared;
  /** @param superseded the entry it follows on, to fall back to */
  make(prepared: Prepared, superseded: Entry<unknown> | undefined): Made;
  /** Whether the entry is exactly this version. */
  isSame(entry: Entry<unknown>, revisions: Revisions, bytes: Uint8Array): boolean;
  sameContent(content: number | RawValue, bytes: Uint8Array): boolean;
}

export class EagerMaker implements EntryMaker {
  readonly #decoder: Decoder;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  prepare(key: string, revisions: Revisions, bytes: Uint8Array): Prepared {
    return {
      key,
      revisions,
      content: digest(bytes),
      decoded: this.#decoder.decode(bytes, toMeta(key, revisions)),
    };
  }

  make({ key, revisions, content, decoded }: Prepared): Made {
    if (decoded?.ok === false) return { failure: decoded };
    return { entry: new EagerEntry(toMeta(key, revisions), decoded?.value, Number(content)) };
  }

  isSame(entry: Entry<unknown>, revisions: Revisions, bytes: Uint8Array): boolean {
    return sameRevisions(entry, revisions) && entry instanceof EagerEntry && entry.hasDigest(digest(bytes));
  }

  sameContent(content: number | RawValue, bytes: Uint8Array): boolean {
    return content === digest(bytes);
  }
}

export class LazyMaker implements EntryMaker {
  readonly #context: LazyContext;

  constructor(context: LazyContext) {
    this.#context = context;
  }

  prepare(key: string, revisions: Revisions, bytes: Uint8Array): Prepared {
    return { key, revisions, content: toRawValue(bytes) };
  }

  make({ key, revisions, content }: Prepared, superseded: Entry<unknown> | undefined): Made {
    const lastGood = superseded instanceof LazyEntry ? superseded : undefined;
    return { entry: new LazyEntry(this.#context, toMeta(key, revisions), content as RawValue, lastGood) };
  }

  isSame(entry: Entry<unknown>, revisions: Revisions, bytes: Uint8Array): boolean {
    return sameRevisions(entry, revisions) && entry instanceof LazyEntry && entry.hasContent(bytes);
  }

  sameContent(content: number | RawValue, bytes: Uint8Array): boolean {
    return typeof content !== 'number' && sameRawValue(content, bytes);
  }
}
