/** The most memory that one kept value may hold besides its own, in bytes. */
const SLAB_BYTES = 16 * 1024;

const NOTHING = new Uint8Array(0);

/**
 * Copies values, several to an allocation. If a value were a view of its message, keeping it would keep the whole message, which may have
 * tens of megabytes. An allocation for each value would cost more than the rest of decoding an event.
 */
export class ValueSlab {
  #slab: ArrayBuffer | undefined;
  #used = 0;

  /** Copies these bytes of `source`. */
  copy(source: Buffer, start: number, end: number): Uint8Array {
    const length = end - start;
    if (length === 0) return NOTHING;
    if (length > SLAB_BYTES / 4) return copied(source, start, end, new Uint8Array(length));
    if (this.#slab === undefined || this.#used + length > this.#slab.byteLength) {
      // No larger than the rest of this message.
      this.#slab = new ArrayBuffer(Math.min(SLAB_BYTES, source.length - start));
      this.#used = 0;
    }
    const view = new Uint8Array(this.#slab, this.#used, length);
    this.#used += length;
    return copied(source, start, end, view);
  }
}

function copied(source: Buffer, start: number, end: number, target: Uint8Array): Uint8Array {
  source.copy(target, 0, start, end);
  return target;
}
