import { toRevision, type Bookmark, type Page, type Revision, type UndecodableKey } from '@holdfast/store';
import { entryNumber, entryValue, keyBounds, type RangeOutline } from './codec.js';
import { findKeys, type PageKeys } from './page-keys.js';

/** What a page says of the scan that it belongs to. */
export interface PagePosition {
  readonly bookmark: Bookmark;
  readonly total: number;
  readonly more: boolean;
}

/** A part of a scan, kept as etcd sent it: an entry's parts are decoded when they are asked for. */
export class EtcdPage implements Page {
  readonly bookmark: Bookmark;
  readonly total: number;
  readonly more: boolean;
  readonly #buffer: Buffer;
  readonly #keys: PageKeys;

  private constructor(buffer: Buffer, keys: PageKeys, { bookmark, total, more }: PagePosition) {
    this.#buffer = buffer;
    this.#keys = keys;
    this.bookmark = bookmark;
    this.total = total;
    this.more = more;
  }

  /** Looks through the keys, in slices that let the event loop run. */
  static async build(outline: RangeOutline, position: PagePosition): Promise<EtcdPage> {
    return new EtcdPage(outline.buffer, await findKeys(outline), position);
  }

  get length(): number {
    return this.#keys.bounds.length / 2;
  }

  get undecodable(): readonly UndecodableKey[] {
    return this.#keys.undecodable;
  }

  get retainedBytes(): number {
    // The memory that a view keeps is the whole allocation, which may be shared with others where it is small.
    return this.#buffer.byteLength;
  }

  key(index: number): string {
    const { from, to } = keyBounds(this.#buffer, ...this.#at(index));
    return this.#buffer.toString(this.#keys.ascii ? 'latin1' : 'utf8', from, to);
  }

  value(index: number): Uint8Array {
    return entryValue(this.#buffer, ...this.#at(index));
  }

  modRevision(index: number): Revision {
    return toRevision(entryNumber(this.#buffer, ...this.#at(index), 'mod'));
  }

  createRevision(index: number): Revision {
    return toRevision(entryNumber(this.#buffer, ...this.#at(index), 'create'));
  }

  version(index: number): number {
    return entryNumber(this.#buffer, ...this.#at(index), 'version');
  }

  #at(index: number): [start: number, end: number] {
    const { bounds } = this.#keys;
    const start = bounds[2 * index];
    const end = bounds[2 * index + 1];
    if (start === undefined || end === undefined) {
      throw new RangeError(`index ${index} is outside this page of ${this.length}`);
    }
    return [start, end];
  }
}
