const FIRST_BYTES = 64 * 1024;

/**
 * Entries as the file has them, one after the other in one piece of memory, which is used again for the next page. An array for each value, and
 * another for each key, would take most of the time of a load.
 */
export class PackedRows {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Where the rows are until the next one is added. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Adds the first `length` bytes. Gives where they are. */
  add(bytes: Uint8Array, length: number): number {
    const at = this.#length;
    const end = at + length;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, end));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    // What LMDB hands out may be longer than it says.
    this.#bytes.set(new Uint8Array(bytes.buffer, bytes.byteOffset, length), at);
    this.#length = end;
    return at;
  }

  /** Forgets all rows from `at` on. */
  cut(at: number): void {
    this.#length = at;
  }

  /** Gives all rows in memory of their own, of just their size, and forgets them. */
  take(): Buffer {
    const rows = Buffer.allocUnsafeSlow(this.#length);
    this.#bytes.copy(rows, 0, 0, this.#length);
    this.#length = 0;
    return rows;
  }
}
