import type { Bookmark, Page, Revision, UndecodableKey } from '@holdfast/store';
import { EntryReader } from '../protobuf/entry.js';
import type { RangeAnswer } from './page-keys.js';

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
  readonly undecodable: readonly UndecodableKey[];
  readonly #buffer: Buffer;
  /** The start and the end of each entry, alternating. Compact, because a page may be kept for long. */
  readonly #bounds: Uint32Array;
  readonly #ascii: boolean;
  readonly #entry: EntryReader;
  #index = -1;

  /** @param answer was checked against the request: its entries are valid */
  constructor({ buffer, keys }: Pick<RangeAnswer, 'buffer' | 'keys'>, { bookmark, total, more }: PagePosition) {
    this.#buffer = buffer;
    this.#bounds = new Uint32Array(keys.bounds);
    this.#ascii = keys.ascii;
    this.undecodable = keys.undecodable;
    this.#entry = new EntryReader(buffer);
    this.bookmark = bookmark;
    this.total = total;
    this.more = more;
  }

  get length(): number {
    return this.#bounds.length / 2;
  }

  get retainedBytes(): number {
    // A view keeps its whole allocation in memory. A small allocation may be shared with others.
    return this.#buffer.byteLength;
  }

  key(index: number): string {
    return this.#at(index).keyText(this.#ascii);
  }

  value(index: number): Uint8Array {
    return this.#at(index).value;
  }

  modRevision(index: number): Revision {
    return this.#at(index).modRevision as Revision;
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
    const start = this.#bounds[2 * index];
    const end = this.#bounds[2 * index + 1];
    if (start === undefined || end === undefined) {
      throw new RangeError(`index ${index} is outside this page of ${this.length}`);
    }
    this.#index = -1;
    this.#entry.read(start, end);
    this.#index = index;
    return this.#entry;
  }
}
