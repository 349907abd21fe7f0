import type { Page } from '@holdfast/store';
import { compareBytes, encodeUtf8 } from '@holdfast/store/adapter';

/** A part of the mirror's range as it was at one revision: from the end of the piece before it to its own. */
export interface Piece {
  readonly page: Page;
  /** Exclusive; `undefined` for the end of everything. */
  readonly end: Uint8Array | undefined;
}

/** Which part of a range was read at which revision, in the order of keys. */
export class Intervals {
  readonly #intervals: { readonly end: Uint8Array | undefined; readonly revision: number }[] = [];

  add({ page, end }: Piece): void {
    this.#intervals.push({ end, revision: page.bookmark.revision });
  }

  /** The lowest of their revisions. */
  get least(): number {
    let least = Infinity;
    for (const { revision } of this.#intervals) least = Math.min(least, revision);
    return least;
  }

  /** At which revision a key was read, there or not. */
  revisionAt(key: string | Uint8Array): number {
    const bytes = typeof key === 'string' ? encodeUtf8(key) : key;
    let low = 0;
    let high = this.#intervals.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const end = this.#intervals[middle]?.end;
      if (end === undefined || compareBytes(bytes, end) < 0) high = middle;
      else low = middle + 1;
    }
    return this.#intervals[low]?.revision ?? 0;
  }
}
