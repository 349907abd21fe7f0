import { Transform, type TransformCallback } from 'node:stream';
import { invalidArgument } from '@holdfast/store/adapter';
import type { NodeBytes } from './node-bytes.js';

const HEAD_BYTES = 5;

/** @internal Takes a gRPC body apart, and puts together what becomes of its messages. */
export class GrpcMessages extends Transform {
  readonly #change: (message: Buffer) => Uint8Array | readonly Uint8Array[];
  #rest: Buffer = Buffer.alloc(0);

  constructor(change: (message: Buffer) => Uint8Array | readonly Uint8Array[]) {
    super();
    this.#change = change;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + this.#rest.readUInt32BE(1);
      if (this.#rest.length < end) break;
      const changed = this.#change(this.#rest.subarray(HEAD_BYTES, end));
      this.#rest = this.#rest.subarray(end);
      for (const message of changed instanceof Uint8Array ? [changed] : changed) this.push(grpcFrame(message));
    }
    done();
  }
}

/** A message as gRPC puts it into a body: a flag, its length, and the message. */
export function grpcFrame(message: Uint8Array): NodeBytes {
  if (!(message instanceof Uint8Array))
    throw invalidArgument('grpcFrame(message) takes the bytes of a message, a Uint8Array');
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
