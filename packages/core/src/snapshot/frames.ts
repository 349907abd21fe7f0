import { Buffer } from 'node:buffer';
import { crc32 } from '../util/crc32.js';

/** The length of a frame's payload and its checksum, four bytes each. */
export const FRAME_HEAD = 8;

/**
 * Puts payloads into frames. The checksum of each goes on from the one before: so a frame counts only where it was written, after
 * all those before it.
 */
export class Framer {
  #checksum: number;

  /** @param checksum what the chain begins with */
  constructor(checksum = 0) {
    this.#checksum = checksum;
  }

  /** The checksum of everything so far. */
  get checksum(): number {
    return this.#checksum;
  }

  /** Goes back to where the chain was before frames that were not written. */
  set checksum(checksum: number) {
    this.#checksum = checksum;
  }

  /** The head of a frame; its payload follows. */
  head(payload: Uint8Array): Uint8Array {
    this.#checksum = checksumOf(payload, this.#checksum);
    const head = Buffer.allocUnsafe(FRAME_HEAD);
    head.writeUInt32LE(payload.length, 0);
    head.writeUInt32LE(this.#checksum, 4);
    return head;
  }

  frame(payload: Uint8Array): Uint8Array {
    return Buffer.concat([this.head(payload), payload]);
  }
}

export interface Frame {
  /** Where the payload is. */
  readonly start: number;
  readonly end: number;
  readonly checksum: number;
}

/** The frame at a position; `undefined` where it is torn or another one, or nothing is left. */
export function frameAt(bytes: Uint8Array, position: number, checksum: number): Frame | undefined {
  const start = position + FRAME_HEAD;
  if (start > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = start + view.getUint32(position, true);
  if (end > bytes.length) return undefined;
  const written = view.getUint32(position + 4, true);
  return checksumOf(bytes.subarray(start, end), checksum) === written ? { start, end, checksum: written } : undefined;
}

function checksumOf(payload: Uint8Array, before: number): number {
  // The length counts too, and a payload of nothing but zeros changes the checksum.
  return crc32(payload, (before ^ (payload.length + 1)) >>> 0);
}
