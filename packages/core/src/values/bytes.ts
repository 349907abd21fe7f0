import type { Codec } from './codec.js';

/** The bytes as they are: what values are without a codec. Treat them as read-only. */
export function bytes(): Codec<Uint8Array> {
  return { name: 'bytes', decode: (value) => value.slice(), encode: toBytes };
}

function toBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`bytes must be a Uint8Array, not ${typeof value}`);
}
