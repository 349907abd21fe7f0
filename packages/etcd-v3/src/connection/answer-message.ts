import { status as grpcStatus } from '@grpc/grpc-js';
import type { CallStatus } from './call-status.js';

/** A message as it came. */
export interface Received {
  readonly bytes: Buffer;
  readonly isCompressed: boolean;
}

/** gRPC's head of a message: a byte that says whether it is compressed, and the length. */
export const HEAD_BYTES = 5;
export const COMPRESSED = 1;

const TOO_MANY: CallStatus = { code: grpcStatus.UNIMPLEMENTED, details: 'Too many responses received' };

/** Puts the one message of an answer together from the chunks in which it comes. */
export class AnswerMessage {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #isComplete = false;

  /** @param maxBytes the longest message, as it comes */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns the message once all of it is there, or why there can be none; `undefined` if more is to come */
  add(chunk: Buffer): Received | CallStatus | undefined {
    if (this.#isComplete) return TOO_MANY;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < HEAD_BYTES) return undefined;
    const head = this.#head();
    const bytes = head.readUInt32BE(1);
    if (bytes > this.#maxBytes) return tooLong(bytes, this.#maxBytes);
    const end = HEAD_BYTES + bytes;
    if (this.#length < end) return undefined;
    this.#isComplete = true;
    return this.#length > end ? TOO_MANY : { bytes: this.#body(), isCompressed: head[0] === COMPRESSED };
  }

  #head(): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= HEAD_BYTES) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }

  /** A copy: a chunk is a part of all that the socket gave at once, and would keep that in memory. */
  #body(): Buffer {
    const [first = Buffer.alloc(HEAD_BYTES), ...others] = this.#chunks;
    this.#chunks = [];
    return Buffer.concat([first.subarray(HEAD_BYTES), ...others], this.#length - HEAD_BYTES);
  }
}

/** A message as it is sent. */
export function framed(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, HEAD_BYTES);
  return bytes;
}

function tooLong(bytes: number, most: number): CallStatus {
  return { code: grpcStatus.RESOURCE_EXHAUSTED, details: `Received message larger than max (${bytes} vs ${most})` };
}
