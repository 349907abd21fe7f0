import type { KeyValue } from './key-value.js';
import type { ListResult, Page } from './options.js';
import type { Revision } from './revision.js';

/** A page over entries that are decoded already. `scan` gives it for drivers that only have `list`. */
export class ListPage implements Page {
  readonly #list: ListResult;
  readonly more: boolean;

  constructor(list: ListResult, more: boolean) {
    this.#list = list;
    this.more = more;
  }

  get bookmark() {
    return this.#list.bookmark;
  }

  get total(): number {
    return this.#list.count;
  }

  get length(): number {
    return this.#list.items.length;
  }

  get undecodable() {
    return this.#list.undecodable;
  }

  get retainedBytes(): number {
    return this.#list.items.reduce((sum, item) => sum + item.value.byteLength, 0);
  }

  key(index: number): string {
    return this.#at(index).key;
  }

  value(index: number): Uint8Array {
    return this.#at(index).value;
  }

  modRevision(index: number): Revision {
    return this.#at(index).modRevision;
  }

  createRevision(index: number): Revision {
    return this.#at(index).createRevision;
  }

  version(index: number): number | undefined {
    return this.#at(index).version;
  }

  #at(index: number): KeyValue {
    const item = this.#list.items[index];
    if (item === undefined) throw new RangeError(`index ${index} is outside this page of ${this.length}`);
    return item;
  }
}
