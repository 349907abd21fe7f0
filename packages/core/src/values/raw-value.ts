import { Buffer, isAscii } from 'node:buffer';
import { decodeUtf8 } from '@holdfast/store/adapter';

/**
 * A value as it is kept undecoded. ASCII becomes a string: V8 stores one byte a character, nothing of the page that it
 * came in stays pinned, and it is the cheapest form there is. Other values are copied out of their page.
 */
export type RawValue = string | Uint8Array;

export function toRawValue(view: Uint8Array): RawValue {
  return isAscii(view) ? latin1(view) : view.slice();
}

export function rawBytes(raw: RawValue): Uint8Array {
  return typeof raw === 'string' ? Buffer.from(raw, 'latin1') : raw;
}

export function sameRawValue(raw: RawValue, view: Uint8Array): boolean {
  if (raw.length !== view.length) return false;
  return typeof raw === 'string' ? raw === latin1(view) : asBuffer(raw).equals(view);
}

/** The text of a value. Throws where it is not UTF-8. */
export function textOf(bytes: Uint8Array): string {
  // Most configuration is ASCII, and that is several times faster than a strict UTF-8 decoder.
  if (isAscii(bytes)) return latin1(bytes);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new TypeError('the value is not valid UTF-8');
  return text;
}

// What `Buffer.prototype.toString` calls. It takes plain bytes too, on Node, Bun and Deno, and wrapping them in a Buffer would cost as much
// as the text itself.
const { latin1Slice } = Buffer.prototype as unknown as {
  readonly latin1Slice: (this: Uint8Array, start: number, end: number) => string;
};

function latin1(view: Uint8Array): string {
  return latin1Slice.call(view, 0, view.length);
}

function asBuffer(view: Uint8Array): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
