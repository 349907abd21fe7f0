/** A binary heap of items by their deadlines, the earliest on top. */
export class DeadlineHeap<T> {
  readonly #items: { readonly at: number; readonly item: T }[] = [];

  get size(): number {
    return this.#items.length;
  }

  peek(): { readonly at: number; readonly item: T } | undefined {
    return this.#items[0];
  }

  push(at: number, item: T): void {
    let hole = this.#items.length;
    while (hole > 0) {
      const parent = (hole - 1) >>> 1;
      const above = this.#items[parent];
      if (above === undefined || above.at <= at) break;
      this.#items[hole] = above;
      hole = parent;
    }
    this.#items[hole] = { at, item };
  }

  pop(): { readonly at: number; readonly item: T } | undefined {
    const top = this.#items[0];
    const last = this.#items.pop();
    if (top === undefined || last === undefined || this.#items.length === 0) return top;
    let hole = 0;
    for (;;) {
      const left = 2 * hole + 1;
      const a = this.#items[left];
      if (a === undefined) break;
      const b = this.#items[left + 1];
      const [child, below] = b !== undefined && b.at < a.at ? [left + 1, b] : [left, a];
      if (below.at >= last.at) break;
      this.#items[hole] = below;
      hole = child;
    }
    this.#items[hole] = last;
    return top;
  }

  clear(): void {
    this.#items.length = 0;
  }
}
