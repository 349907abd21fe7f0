import type { Cut } from '../protobuf/wire.js';
import { COMPRESSED, HEAD_BYTES } from './answer-message.js';

/** A longer message may come in parts of about this size, in bytes. Much smaller ones would cost more than they bring. */
const PART_BYTES = 64 * 1024;

/** A message as it was sent, or a part of one. */
export interface SentMessage {
  readonly bytes: Buffer;
  readonly isCompressed: boolean;
  /** Whether the message goes on in another part. */
  readonly more: boolean;
}

/** Takes the messages out of a call's bytes, as these come. */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #cut: Cut | undefined;
  readonly #onMessage: (message: SentMessage) => void;
  /** What came, and was not handed over. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** With how many bytes there may be something to hand over. */
  #wanted = HEAD_BYTES;
  /** How much of the message that is handed over in parts is still to be handed over. */
  #left = 0;

  /**
   * @param maxBytes the longest message
   * @param cut for messages that can be used in parts: then a long one is handed over while the rest of it is on its way
   */
  constructor(maxBytes: number, cut: Cut | undefined, onMessage: (message: SentMessage) => void) {
    this.#maxBytes = maxBytes;
    this.#cut = cut;
    this.#onMessage = onMessage;
  }

  /**
   * Takes the next bytes, and hands over what they complete. What is whole in them is not copied.
   *
   * @throws Error for a message that is too long
   */
  push(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0 && this.#keptBytes + rest.length >= this.#wanted) {
      const here = this.#keptBytes === 0 ? rest : Buffer.concat([...this.#kept, rest]);
      this.#kept = [];
      this.#keptBytes = 0;
      const used = this.#left > 0 ? this.#takePart(here, this.#left) : this.#takeMessage(here);
      rest = here.subarray(used);
      if (used === 0) break;
    }
    if (rest.length === 0) return;
    this.#kept.push(rest);
    this.#keptBytes += rest.length;
  }

  /** Takes a message from its head on, or only the head of one that comes in parts. Returns the number of bytes that it has used. */
  #takeMessage(here: Buffer): number {
    const isCompressed = here[0] === COMPRESSED;
    const length = here.readUInt32BE(1);
    if (length > this.#maxBytes) throw new Error(`Received message larger than max (${length} vs ${this.#maxBytes})`);
    if (this.#cut !== undefined && length > PART_BYTES && !isCompressed) {
      this.#left = length;
      this.#wanted = PART_BYTES;
      return HEAD_BYTES;
    }
    const end = HEAD_BYTES + length;
    const isWhole = here.length >= end;
    this.#wanted = isWhole ? HEAD_BYTES : end;
    if (!isWhole) return 0;
    this.#onMessage({ bytes: here.subarray(HEAD_BYTES, end), isCompressed, more: false });
    return end;
  }

  /** Takes what there is of a message that comes in parts, up to where it may be cut. */
  #takePart(here: Buffer, left: number): number {
    const more = here.length < left;
    const { end, wanted } = more && this.#cut !== undefined ? this.#cut(here) : { end: left, wanted: 0 };
    this.#left = left - end;
    this.#wanted = more ? Math.min(end === 0 ? wanted : PART_BYTES, this.#left) : HEAD_BYTES;
    if (end > 0) this.#onMessage({ bytes: here.subarray(0, end), isCompressed: false, more });
    return end;
  }
}
