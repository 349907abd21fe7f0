import type { UndecodableKey } from './key-value.js';
import type { Page } from './options.js';

/** A page of the store below a view, with keys as the view gives them. */
export class PrefixPage implements Page {
  readonly #page: Page;
  readonly #inner: (key: string) => string;
  readonly undecodable: readonly UndecodableKey[];

  constructor(page: Page, inner: (key: string) => string, undecodable: readonly UndecodableKey[]) {
    this.#page = page;
    this.#inner = inner;
    this.undecodable = undecodable;
  }

  get bookmark() {
    return this.#page.bookmark;
  }

  get total() {
    return this.#page.total;
  }

  get more() {
    return this.#page.more;
  }

  get length() {
    return this.#page.length;
  }

  get retainedBytes() {
    return this.#page.retainedBytes;
  }

  key(index: number) {
    return this.#inner(this.#page.key(index));
  }

  value(index: number) {
    return this.#page.value(index);
  }

  modRevision(index: number) {
    return this.#page.modRevision(index);
  }

  createRevision(index: number) {
    return this.#page.createRevision(index);
  }

  version(index: number) {
    return this.#page.version(index);
  }
}
