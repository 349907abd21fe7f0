import type { Codec } from './codec.js';
import { textOf } from './raw-value.js';

/** UTF-8 texts, as strings. Bytes that are not UTF-8 are a problem, never replacement characters. */
export function text(): Codec<string> {
  return { name: 'text', decode: textOf, decodeText: (value) => value, encode: toText };
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`a text must be a string, not ${typeof value}`);
}
