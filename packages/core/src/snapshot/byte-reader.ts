import { Buffer } from 'node:buffer';

/** Reads what a {@link ByteWriter} wrote. Past the end it throws a `RangeError`. */
export class ByteReader {
  readonly bytes: Buffer;
  readonly #end: number;
  position: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.position >= this.#end;
  }

  byte(): number {
    return this.bytes[this.#pass(1)] ?? 0;
  }

  uint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 0x80;
      if (scale > 2 ** 49) throw new RangeError('a number is too long');
    }
    if (!Number.isSafeInteger(value)) throw new RangeError('a number is too large');
    return value;
  }

  int(): number {
    const value = this.uint();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  double(): number {
    return this.bytes.readDoubleLE(this.#pass(8));
  }

  /** Passes over bytes. Returns where they begin. */
  skip(length: number): number {
    return this.#pass(length);
  }

  raw(): Uint8Array {
    const length = this.uint();
    const start = this.#pass(length);
    return this.bytes.subarray(start, start + length);
  }

  text(): string {
    const length = this.uint();
    const start = this.#pass(length);
    return this.bytes.toString('utf8', start, start + length);
  }

  #pass(length: number): number {
    const start = this.position;
    if (start + length > this.#end) throw new RangeError('a record ends too early');
    this.position = start + length;
    return start;
  }
}
