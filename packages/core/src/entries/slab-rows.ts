import type { Page } from '@holdfast/store';
import type { Slab } from './slab.js';

interface Stretch {
  /** The row of the slab's first value. */
  readonly start: number;
  readonly slab: Slab;
  /** How many of its rows are there still. */
  count: number;
}

/** Values in slabs, as numbers: the cheapest way to hold many. A slab of which no row is left is let go. */
export class SlabRows {
  /** By their starts; those that were let go leave gaps. */
  #stretches: Stretch[] = [];
  /** The one that was found last: rows are mostly asked for in their order. */
  #last: Stretch | undefined;
  #end = 0;
  #released = 0;

  get isEmpty(): boolean {
    return this.#stretches.length === 0;
  }

  /** How many rows were released so far. */
  get released(): number {
    return this.#released;
  }

  /** How many rows of each slab there are. */
  *counts(): Generator<readonly [slab: Slab, count: number]> {
    for (const { slab, count } of this.#stretches) yield [slab, count];
  }

  /** The row of a value. Slabs come one after another. */
  add(slab: Slab, index: number): number {
    let last = this.#stretches.at(-1);
    if (last?.slab !== slab) {
      last = { start: this.#end, slab, count: 0 };
      this.#stretches.push(last);
      this.#end += slab.length;
    }
    last.count += 1;
    return last.start + index;
  }

  /** What a row stands for. */
  at(row: number): { readonly slab: Slab; readonly index: number } {
    const { slab, start } = this.#stretchOf(row);
    return { slab, index: row - start };
  }

  /** Whether a row's version is that of an entry of a page. */
  isVersion(row: number, page: Page, index: number): boolean {
    const { slab, start } = this.#stretchOf(row);
    return slab.isVersion(row - start, page, index);
  }

  /** Nobody needs the row any more. */
  release(row: number): void {
    const stretch = this.#stretchOf(row);
    stretch.count -= 1;
    this.#released += 1;
    if (stretch.count > 0) return;
    this.#last = undefined;
    this.#stretches = this.#stretches.filter((each) => each !== stretch);
  }

  #stretchOf(row: number): Stretch {
    const last = this.#last;
    if (last !== undefined && row >= last.start && row < last.start + last.slab.length) return last;
    let low = 0;
    let high = this.#stretches.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#stretches[middle]?.start ?? Infinity) <= row) low = middle;
      else high = middle;
    }
    const found = this.#stretches[low];
    if (found === undefined) throw new RangeError(`there is no row ${row}`);
    this.#last = found;
    return found;
  }
}
