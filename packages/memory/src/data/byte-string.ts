import { decodeUtf8, type KeyRange } from '@holdfast/store/adapter';

/**
 * A key as the store holds it: one character for each byte of its UTF-8 form. Comparing such strings gives UTF-8 byte order
 * (C1). A key that is not UTF-8 needs no special case. An ASCII key, the usual case, is its own byte string and costs nothing
 * to convert.
 */
export type ByteString = string;

const NOT_ASCII = /[\u0080-\uffff]/;

export function keyToByteString(key: string): ByteString {
  return NOT_ASCII.test(key) ? Buffer.from(key, 'utf8').toString('latin1') : key;
}

export function bytesToByteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The key that a byte string stands for, or `undefined` if it is not UTF-8. */
export function byteStringToKey(text: ByteString): string | undefined {
  return NOT_ASCII.test(text) ? decodeUtf8(byteStringToBytes(text)) : text;
}

export function byteStringToBytes(text: ByteString): Uint8Array {
  // Copied, since the Buffer may be a view of a pool that others write to.
  return copyBytes(Buffer.from(text, 'latin1'));
}

/** A copy with memory of its own. A Buffer's `slice` would be a view of the same memory. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** The half-open interval `[start, end)` of byte strings; no `end` means no upper bound. */
export interface Interval {
  readonly start: ByteString;
  readonly end: ByteString | undefined;
}

export function toInterval(range: KeyRange): Interval {
  return {
    start: bytesToByteString(range.start),
    end: range.end === undefined ? undefined : bytesToByteString(range.end),
  };
}

export function intervalContains(interval: Interval, key: ByteString): boolean {
  return key >= interval.start && (interval.end === undefined || key < interval.end);
}
