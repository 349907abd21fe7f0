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

  isKey(index: number, head: string, rest: string): boolean {
    const { bounds, keysFirst, ascii } = this.#keys;
    const start = bounds[2 * index];
    if (!keysFirst || !ascii || start === undefined) return this.key(index) === head + rest;
    const buffer = this.#buffer;
    const from = start + SHORT_KEY_OFFSET;
    const middle = from + head.length;
    if (buffer[from - 1] !== head.length + rest.length) return false;
    // Neighbouring keys differ at their ends.
    for (let at = rest.length - 1; at >= 0; at -= 1) if (buffer[middle + at] !== rest.charCodeAt(at)) return false;
    for (let at = head.length - 1; at >= 0; at -= 1) if (buffer[from + at] !== head.charCodeAt(at)) return false;
    return true;
  }

  value(index: number): Uint8Array {
    return this.#at(index).value;
  }

  modRevision(index: number): Revision {
    return (this.#keys.modRevisions[index] ?? this.#none(index)) as Revision;
  }

  createRevision(index: number): Revision {
    return (this.#keys.createRevisions[index] ?? this.#none(index)) as Revision;
  }

  version(index: number): number {
    return this.#keys.versions[index] ?? this.#none(index);
  }

  /** The entry's parts. Those of the last requested entry are cached. */
  #at(index: number): EntryReader {
    if (index === this.#index) return this.#entry;
    const start = this.#keys.bounds[2 * index];
    const end = this.#keys.bounds[2 * index + 1];
    if (start === undefined || end === undefined) return this.#none(index);
    this.#index = -1;
    this.#entry.read(start, end);
    this.#index = index;
    return this.#entry;
  }

  #none(index: number): never {
    throw new RangeError(`index ${index} is outside this page of ${this.length}`);
  }
}
