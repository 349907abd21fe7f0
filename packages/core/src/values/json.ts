import type { Codec } from './codec.js';
import { textOf } from './raw-value.js';

/** Reads JSON. Nothing checks `T`: give the mirror a `schema` for that. */
export function json<T = unknown>(): Codec<T> {
  const decodeText = (text: string) => JSON.parse(text) as T;
  return { name: 'json', decode: (bytes) => decodeText(textOf(bytes)), decodeText };
}
