import type { Bookmark, Page, Revision, UndecodableKey } from '@holdfast/store';
import { encodeUtf8 } from '@holdfast/store/adapter';
import type { V2File } from '../json/codec.js';

/** A part of a listing. Values are encoded when they are asked for. */
export class FilePage implements Page {
  readonly bookmark: Bookmark;
  readonly total: number;
  readonly more: boolean;
  readonly undecodable: readonly UndecodableKey[];
  readonly #files: readonly V2File[];
  readonly #keysOnly: boolean;

  constructor(
    files: readonly V2File[],
    of: Pick<Page, 'bookmark' | 'total' | 'more' | 'undecodable'> & { readonly keysOnly: boolean },
  ) {
    this.#files = files;
    this.#keysOnly = of.keysOnly;
    this.bookmark = of.bookmark;
    this.total = of.total;
    this.more = of.more;
    this.undecodable = of.undecodable;
  }

  get length(): number {
    return this.#files.length;
  }

  get retainedBytes(): number {
    return this.#keysOnly ? 0 : this.#files.reduce((sum, file) => sum + file.value.length, 0);
  }

  key(index: number): string {
    return this.#at(index).key;
  }

  value(index: number): Uint8Array {
    return encodeUtf8(this.#keysOnly ? '' : this.#at(index).value);
  }

  modRevision(index: number): Revision {
    return this.#at(index).modifiedIndex as Revision;
  }

  createRevision(index: number): Revision {
    return this.#at(index).createdIndex as Revision;
  }

  version(): undefined {
    return undefined;
  }

  #at(index: number): V2File {
    const file = this.#files[index];
    if (file === undefined) throw new RangeError(`index ${index} is outside this page of ${this.length}`);
    return file;
  }
}
