/** How much memory one kept value may hold on to, in bytes, beside its own. */
const SLAB_BYTES = 16 * 1024;

const NOTHING = new Uint8Array(0);

/**
 * Copies of values, several to an allocation. As views of their message, one value that is kept for long would keep all of
 * it, which may be tens of megabytes; an allocation for each costs more than the rest of decoding an event.
 */
export class ValueSlab {
  #slab: ArrayBuffer | undefined;
  #used = 0;

  /** A copy of these bytes of `source`. */
  copy(source: Buffer, start: number, end: number): Uint8Array {
    const length = end - start;
    if (length === 0) return NOTHING;
    if (length > SLAB_BYTES / 4) return copied(source, start, end, new Uint8Array(length));
    if (this.#slab === undefined || this.#used + length > this.#slab.byteLength) {
      // No larger than what may still come from this message.
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
