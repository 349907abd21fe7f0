import type { Codec } from './codec.js';
import { textOf } from './raw-value.js';

/** Reads UTF-8 text. Bytes that are not UTF-8 are a problem, and never become replacement characters. */
export function text(): Codec<string> {
  return { name: 'text', decode: textOf, decodeText: (value) => value };
}
