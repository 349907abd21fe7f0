import type { Bookmark, Page, Revision, UndecodableKey } from '@holdfast/store';
import { copyBytes } from '../data/byte-string.js';
import { asRevision } from '../entries/entries.js';
import type { Version } from '../data/key-history.js';

const EMPTY = new Uint8Array(0);

/** A page of a scan over the store's own versions. Only values that are asked for are copied. */
export class VersionPage implements Page {
  readonly bookmark: Bookmark;
  readonly total: number;
  readonly more: boolean;
  readonly undecodable: readonly UndecodableKey[];
  readonly #versions: readonly Version[];
  readonly #keysOnly: boolean;

  constructor(
    versions: readonly Version[],
    page: Pick<Page, 'bookmark' | 'total' | 'more' | 'undecodable'> & { readonly keysOnly: boolean },
  ) {
    this.#versions = versions;
    this.#keysOnly = page.keysOnly;
    this.bookmark = page.bookmark;
    this.total = page.total;
    this.more = page.more;
    this.undecodable = page.undecodable;
  }

  get length(): number {
    return this.#versions.length;
  }

  /** Each value is a copy of its own: a value holds only itself in memory. */
  get retainedBytes(): number {
    return this.#keysOnly ? 0 : this.#versions.reduce((sum, { value }) => sum + value.length, 0);
  }

  key(index: number): string {
    return this.#at(index).history.name ?? '';
  }

  value(index: number): Uint8Array {
    const { value } = this.#at(index);
    return this.#keysOnly ? EMPTY : copyBytes(value);
  }

  modRevision(index: number): Revision {
    return asRevision(this.#at(index).modRevision);
  }

  createRevision(index: number): Revision {
    return asRevision(this.#at(index).createRevision);
  }

  version(index: number): number {
    return this.#at(index).version;
  }

  #at(index: number): Version {
    const version = this.#versions[index];
    if (version === undefined) throw new RangeError(`index ${index} is outside this page of ${this.length}`);
    return version;
  }
}
