import { markAsUntransferable } from 'node:worker_threads';

/** As large as Node's own pool of small buffers: a value that is kept for long holds at most so much memory. */
const POOL_BYTES = 8 * 1024;

/** Where views begin: every number of any width is aligned. */
const ALIGNMENT = 8;

/**
 * Copies values, several into one allocation: an allocation takes ten times as long as the copy. The copies don't overlap, so
 * altering one alters no other.
 */
export class CopyPool {
  #memory = new ArrayBuffer(0);
  #used = 0;

  copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (length > POOL_BYTES / 4) return new Uint8Array(bytes);
    if (this.#used + length > this.#memory.byteLength) {
      this.#memory = new ArrayBuffer(POOL_BYTES);
      this.#used = 0;
      // Transferring one value to another thread would take the others' memory with it.
      markAsUntransferable(this.#memory);
    }
    const view = new Uint8Array(this.#memory, this.#used, length);
    view.set(bytes);
    this.#used += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    return view;
  }
}
