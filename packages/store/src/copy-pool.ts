import { markAsUntransferable } from 'node:worker_threads';

/** As large as Node's own pool of small buffers: a value that is kept for long holds at most so much memory. */
const POOL_BYTES = 8 * 1024;

/** Where views begin: every number of any width is aligned. */
const ALIGNMENT = 8;

const NOTHING = new Uint8Array(0);
const NO_MEMORY = new ArrayBuffer(0);

/** The bytes of a message, which copies a part of itself without making a view first. Node's `Buffer` is one. */
export interface CopySource extends Uint8Array {
  copy(target: Uint8Array, targetStart: number, start: number, end: number): number;
}

/**
 * Copies values, several into one allocation: an allocation takes ten times as long as the copy. A view of a message would keep the whole
 * message, which may have tens of megabytes. The copies don't overlap, so altering one alters no other.
 */
export class CopyPool {
  readonly #poolBytes: number;
  #memory = NO_MEMORY;
  #used = 0;

  /** @param poolBytes the most memory that one kept copy may hold, in bytes */
  constructor(poolBytes = POOL_BYTES) {
    this.#poolBytes = poolBytes;
  }

  copy(bytes: Uint8Array): Uint8Array {
    const view = this.#room(bytes.length, this.#poolBytes);
    view.set(bytes);
    return view;
  }

  /** Copies a part of a message. No more memory is allocated than the rest of the message may need. */
  copyOf(message: CopySource, start: number, end: number): Uint8Array {
    if (end === start) return NOTHING;
    const view = this.#room(end - start, message.length - start);
    message.copy(view, 0, start, end);
    return view;
  }

  #room(length: number, needed: number): Uint8Array {
    if (length > this.#poolBytes / 4) return new Uint8Array(length);
    if (this.#used + length > this.#memory.byteLength) {
      // The only value of its message, as nearly always in a watch: it shares no memory.
      if (needed < 2 * length) return new Uint8Array(length);
      this.#memory = new ArrayBuffer(Math.min(this.#poolBytes, needed));
      this.#used = 0;
      // Transferring one value to another thread would take the others' memory with it.
      markAsUntransferable(this.#memory);
    }
    const view = new Uint8Array(this.#memory, this.#used, length);
    this.#used += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    return view;
  }
}
