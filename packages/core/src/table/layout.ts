import type { CollectionTable } from './collection-table.js';

/** Which collection a key belongs to. Collections don't overlap (the options see to that). */
export class Layout {
  readonly #whole: CollectionTable | undefined;
  readonly #byKey = new Map<string, CollectionTable>();
  // Sorted by prefix. In UTF-16 order too, all strings between a prefix and a key that starts with it start with it.
  readonly #prefixes: { readonly prefix: string; readonly table: CollectionTable }[] = [];

  constructor(tables: readonly CollectionTable[]) {
    for (const table of tables) {
      const { key, prefix } = table.range;
      if (key !== undefined) this.#byKey.set(key, table);
      else if (prefix !== undefined) this.#prefixes.push({ prefix, table });
    }
    this.#prefixes.sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
    const [first] = tables;
    // A mirror without collections has one that is all of its range: nothing to look up.
    this.#whole = first?.name === undefined ? first : undefined;
  }

  find(key: string): CollectionTable | undefined {
    if (this.#whole !== undefined) return this.#whole;
    const exact = this.#byKey.get(key);
    if (exact !== undefined) return exact;
    let low = 0;
    let high = this.#prefixes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const candidate = this.#prefixes[middle];
      if (candidate !== undefined && candidate.prefix <= key) low = middle + 1;
      else high = middle;
    }
    const last = this.#prefixes[low - 1];
    return last !== undefined && key.startsWith(last.prefix) ? last.table : undefined;
  }
}
