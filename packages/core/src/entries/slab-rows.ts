import type { Slab } from './slab.js';

interface Stretch {
  /** The row of the slab's first value. */
  readonly start: number;
  readonly slab: Slab;
  /** The number of its rows in use. */
  count: number;
}

/** Numbers values in slabs: the cheapest way to refer to many. A slab without rows in use is released. */
export class Rows {
  /** Ordered by start. Released slabs leave gaps. */
  #stretches: Stretch[] = [];
  #end = 0;

  get isEmpty(): boolean {
    return this.#stretches.length === 0;
  }

  /** The row of a value. Values of one slab must be added in one go. */
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

  /** The value that a row stands for. */
  at(row: number): { readonly slab: Slab; readonly index: number } {
    const { slab, start } = this.#stretchOf(row);
    return { slab, index: row - start };
  }

  /** The row is not needed any more. */
  release(row: number): void {
    const stretch = this.#stretchOf(row);
    stretch.count -= 1;
    if (stretch.count === 0) this.#stretches = this.#stretches.filter((each) => each !== stretch);
  }

  #stretchOf(row: number): Stretch {
    let low = 0;
    let high = this.#stretches.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#stretches[middle]?.start ?? Infinity) <= row) low = middle;
      else high = middle;
    }
    const found = this.#stretches[low];
    if (found === undefined) throw new RangeError(`there is no row ${row}`);
    return found;
  }
}
