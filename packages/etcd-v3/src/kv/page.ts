import type { Bookmark, Page, Revision, UndecodableKey } from '@holdfast/store';
import { EntryReader } from '../protobuf/entry.js';
import { type PageKeys, type RangeAnswer, SHORT_KEY_OFFSET } from './page-keys.js';

/** A page's position in its scan. */
export interface PagePosition {
  readonly bookmark: Bookmark;
  readonly total: number;
  readonly more: boolean;
}

/** A part of a scan, kept as etcd sent it. The parts of an entry are decoded when they are asked for. */
export class EtcdPage implements Page {
  readonly bookmark: Bookmark;
  readonly total: number;
  readonly more: boolean;
  readonly length: number;
  readonly #buffer: Buffer;
  readonly #keys: PageKeys;
  readonly #encoding: 'latin1' | 'utf8';
  readonly #entry: EntryReader;
  #index = -1;

  /** @param answer was checked against the request: its entries are valid */
  constructor({ buffer, keys }: Pick<RangeAnswer, 'buffer' | 'keys'>, { bookmark, total, more }: PagePosition) {
    this.#buffer = buffer;
    this.#keys = keys;
    this.#encoding = keys.ascii ? 'latin1' : 'utf8';
    this.length = keys.modRevisions.length;
    this.#entry = new EntryReader(buffer);
    this.bookmark = bookmark;
    this.total = total;
    this.more = more;
  }

  get undecodable(): readonly UndecodableKey[] {
    return this.#keys.undecodable;
  }

  get retainedBytes(): number {
    // A view keeps its whole allocation in memory. A small allocation may be shared with others.
    return this.#buffer.byteLength;
  }

  key(index: number): string {
    const { bounds, keysFirst, ascii } = this.#keys;
    const start = bounds[2 * index];
    if (!keysFirst || start === undefined) return this.#at(index).keyText(ascii);
    const from = start + SHORT_KEY_OFFSET;
    return this.#buffer.toString(this.#encoding, from, from + (this.#buffer[from - 1] ?? 0));
  }

  value(index: number): Uint8Array {
    return this.#at(index).value;
  }

  modRevision(index: number): Revision {
    return (this.#keys.modRevisions[index] ?? this.#at(index).modRevision) as Revision;
  }

  createRevision(index: number): Revision {
    return this.#at(index).createRevision as Revision;
  }

  version(index: number): number {
    return this.#at(index).version;
  }

  /** The entry's parts. Those of the last requested entry are cached. */
  #at(index: number): EntryReader {
    if (index === this.#index) return this.#entry;
    const start = this.#keys.bounds[2 * index];
    const end = this.#keys.bounds[2 * index + 1];
    if (start === undefined || end === undefined) {
      throw new RangeError(`index ${index} is outside this page of ${this.length}`);
    }
    this.#index = -1;
    this.#entry.read(start, end);
    this.#index = index;
    return this.#entry;
  }
}
