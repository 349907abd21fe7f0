import type { Version } from './key-history.js';

const BLOCK = 4_096;

/**
 * All retained changes of the store, in the order in which they were made. It is a list of blocks, which are dropped when they
 * are empty. So appending, dropping from the front and finding a revision cost the same in a long history as in a short one.
 */
export class ChangeLog {
  #blocks: (Version | undefined)[][] = [];
  /** The position, in the first block, of the first retained change. */
  #offset = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  at(index: number): Version | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    const position = this.#offset + index;
    return this.#blocks[Math.floor(position / BLOCK)]?.[position % BLOCK];
  }

  append(change: Version): void {
    let last = this.#blocks.at(-1);
    if (last === undefined || last.length === BLOCK) {
      last = [];
      this.#blocks.push(last);
    }
    last.push(change);
    this.#length += 1;
  }

  /** The position of the first change after a revision; `length` if there is none. */
  firstAfter(revision: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.at(middle)?.modRevision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops changes at or below a revision from the front, at most `limit` of them, and returns them. */
  dropThrough(revision: number, limit: number): Version[] {
    const dropped: Version[] = [];
    for (let first = this.at(0); first !== undefined && first.modRevision <= revision; first = this.at(0)) {
      if (dropped.length === limit) break;
      dropped.push(first);
      // The block may live on for thousands of changes. The values of the dropped ones must not.
      const [block = []] = this.#blocks;
      block[this.#offset] = undefined;
      this.#length -= 1;
      this.#offset += 1;
      if (this.#offset === BLOCK) {
        this.#blocks.shift();
        this.#offset = 0;
      }
    }
    return dropped;
  }
}
