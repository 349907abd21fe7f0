import { quoted } from './excerpt.js';
import { StoreError } from './errors.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The UTF-8 bytes of a string that is known to be well-formed. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The string that these bytes encode, or `undefined` if they are not valid UTF-8. It never mangles them. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** What a caller may pass as a value: strings are stored as UTF-8. */
export type ValueInput = string | Uint8Array;

/**
 * The bytes of a value.
 *
 * @throws StoreError `invalid-argument` for other types, and for strings with a lone surrogate.
 */
export function toValueBytes(value: unknown, what: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string') {
    throw new StoreError('invalid-argument', `${what} must be a string or a Uint8Array, not ${describe(value)}`);
  }
  if (!isWellFormed(value)) {
    throw new StoreError(
      'invalid-argument',
      `${what} has a lone surrogate, so it has no UTF-8 form; pass bytes instead`,
    );
  }
  return encoder.encode(value);
}

/**
 * A key that the contract accepts (C1): a non-empty, well-formed string.
 *
 * @throws StoreError `invalid-argument` otherwise.
 */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string') {
    throw new StoreError('invalid-argument', `a key must be a string, not ${describe(key)}`);
  }
  if (key === '') throw new StoreError('invalid-argument', 'a key must not be empty');
  if (!isWellFormed(key)) {
    throw new StoreError('invalid-argument', `key ${quoted(key)} has a lone surrogate, so it has no UTF-8 form`);
  }
}

// Node 20 has it; the typings of ES2023 do not.
type Checkable = string & { isWellFormed(): boolean };

export function isWellFormed(text: string): boolean {
  return (text as Checkable).isWellFormed();
}

/** Orders two byte strings as etcd does: by unsigned bytes, the shorter one first on a tie. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/**
 * Orders two strings by their UTF-8 bytes, without encoding them. UTF-16 order differs only where one side is a
 * surrogate (U+10000 and above) and the other is in U+E000 to U+FFFF. Surrogates are moved above that range.
 */
export function compareKeys(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return utf8Rank(x) - utf8Rank(y);
  }
  return a.length - b.length;
}

function utf8Rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

function describe(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}
