import type { StoreError } from '@holdfast/store';
import { badAnswer } from './bad-answer.js';

const TWO_32 = 4_294_967_296;

/**
 * Cached: every response names its cluster and its member, and formatting 64 bits costs more than the rest of a small response. Ids are
 * random, so their last bits spread them.
 */
const ids = Array.from({ length: 16 }, () => ({ low: 0, high: 0, text: '0' }));

/** The wire types of protobuf. etcd's messages use only the exported ones. */
export const VARINT = 0;
const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/**
 * Says where the first bytes of a message may be cut: `end` is 0 if nowhere, and then it may be otherwise as soon as there are `wanted`
 * bytes.
 */
export type Cut = (bytes: Buffer) => { readonly end: number; readonly wanted: number };

/** How many field numbers a set of 32 bits has room for. */
const MOST_FIELDS = 32;

/**
 * A cursor over the protobuf bytes of one message. It reads 64-bit integers exactly: safe integers as numbers, others as an error
 * (contract C3), and ids as decimal strings.
 */
export class WireReader {
  readonly buffer: Buffer;
  position: number;
  /** The end of the current message: the outer one, or one entered by `descend`. */
  end: number;
  #low = 0;
  #high = 0;

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.buffer = buffer;
    this.position = start;
    this.end = end;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  /** The next field's number times 8, plus its wire type. */
  tag(): number {
    return this.#length();
  }

  boolean(): boolean {
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  /**
   * A signed 64-bit integer.
   *
   * @throws StoreError `internal` if it is past ±(2^53−1). It is never rounded.
   */
  int64(): number {
    // Nearly all numbers, and all tags and lengths, have at most four bytes.
    const { buffer, end } = this;
    let position = this.position;
    let short = 0;
    for (let shift = 0; shift < 28 && position < end; shift += 7) {
      const byte = buffer[position++] ?? 0;
      short |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.position = position;
        return short;
      }
    }
    this.#varint();
    const value = (this.#high | 0) * TWO_32 + (this.#low >>> 0);
    if (!Number.isSafeInteger(value)) {
      throw badAnswer(`etcd sent the integer ${this.#big(true)}, past 2^53-1: it can't be used exactly`);
    }
    return value;
  }

  int64String(): string {
    this.#varint();
    return this.#big(true);
  }

  uint64String(): string {
    this.#varint();
    const low = this.#low >>> 0;
    const high = this.#high >>> 0;
    const slot = low % ids.length;
    const cached = ids[slot];
    if (cached?.low === low && cached.high === high) return cached.text;
    const text = this.#big(false);
    ids[slot] = { low, high, text };
    return text;
  }

  /** Where a length-delimited field ends, which may be past all bytes that are here. */
  delimitedEnd(): number {
    const length = this.#length();
    return this.position + length;
  }

  /** Moves past a length-delimited field, and returns its length. The field then ends at `position`. */
  delimited(): number {
    const length = this.#length();
    this.position += length;
    if (this.position > this.end) throw malformed();
    return length;
  }

  /** Enters a nested message, so that `end` is its end. Returns the value that `ascend` needs to leave it. */
  descend(): number {
    const length = this.#length();
    const outer = this.end;
    if (this.position + length > outer) throw malformed();
    this.end = this.position + length;
    return outer;
  }

  /** Leaves a nested message from any position in it. */
  ascend(outer: number): void {
    this.position = this.end;
    this.end = outer;
  }

  /**
   * Moves past a field that its reader does not use: newer servers may send some.
   *
   * @param used the fields that the reader uses, by {@link fieldSet}. One of those comes here only with a wire type that is not its own.
   *   Passed over, an entry would look as if it had an empty value, and a response as if it had no events.
   */
  skip(tag: number, used = 0): void {
    if (((used >>> (tag >>> 3)) & 1) === 1 && tag < MOST_FIELDS * 8) throw malformed();
    switch (tag & 7) {
      case VARINT:
        this.#skipVarint();
        return;
      case LENGTH_DELIMITED:
        this.delimited();
        return;
      case FIXED64:
        this.position += 8;
        break;
      case FIXED32:
        this.position += 4;
        break;
      default:
        throw malformed();
    }
    if (this.position > this.end) throw malformed();
  }

  #length(): number {
    // All tags, and the lengths of nearly all keys, have one byte.
    const { position } = this;
    const byte = this.buffer[position] ?? 0;
    if (byte < 0x80 && position < this.end) {
      this.position = position + 1;
      return byte;
    }
    const length = this.int64();
    if (length < 0) throw malformed();
    return length;
  }

  /** Reads a varint of up to 64 bits into `#low` and `#high`. */
  #varint(): void {
    const { buffer, end } = this;
    let position = this.position;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = position < end ? buffer[position] : undefined;
      if (byte === undefined) throw malformed();
      position += 1;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.position = position;
        this.#low = low;
        this.#high = high;
        return;
      }
    }
    throw malformed();
  }

  /** Moves past a varint of up to ten bytes. */
  #skipVarint(): void {
    const { buffer, position: start } = this;
    const last = Math.min(this.end, start + 10);
    for (let position = start; position < last; position += 1) {
      if ((buffer[position] ?? 0x80) < 0x80) {
        this.position = position + 1;
        return;
      }
    }
    throw malformed();
  }

  #big(signed: boolean): string {
    const unsigned = (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0);
    return (signed ? BigInt.asIntN(64, unsigned) : unsigned).toString();
  }
}

/** A set of field numbers below 32, for {@link WireReader.skip}. */
export function fieldSet(...fields: readonly number[]): number {
  return fields.reduce((set, field) => set | (1 << field), 0);
}

/** Builds the protobuf bytes of a request. */
export class WireWriter {
  readonly #bytes: (number | Uint8Array)[] = [];

  /** Any 64-bit integer, signed or not. It is written even if it is zero, because in a `oneof` its presence has a meaning. */
  integer(field: number, value: bigint): this {
    this.#varint(field * 8 + VARINT);
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 0x80n; rest >>= 7n) this.#bytes.push(Number(rest & 0x7fn) | 0x80);
    this.#bytes.push(Number(rest));
    return this;
  }

  /** Bytes, or a nested message. It is written even if it is empty, because its presence has a meaning. */
  message(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + LENGTH_DELIMITED);
    this.#varint(value.length);
    this.#bytes.push(value);
    return this;
  }

  finish(): Uint8Array {
    let length = 0;
    for (const part of this.#bytes) length += typeof part === 'number' ? 1 : part.length;
    const result = new Uint8Array(length);
    let position = 0;
    for (const part of this.#bytes) {
      if (typeof part === 'number') result[position++] = part;
      else {
        result.set(part, position);
        position += part.length;
      }
    }
    return result;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes.push(rest);
  }
}

function malformed(): StoreError {
  return badAnswer('etcd sent a message that is not valid protobuf');
}
