import type { Codec } from './codec.js';

/** Gives the bytes unchanged, as mirrors without a codec do. Treat them as read-only. */
export function bytes(): Codec<Uint8Array> {
  return { name: 'bytes', decode: (value) => value.slice() };
}
