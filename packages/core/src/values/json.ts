import type { Codec } from './codec.js';
import { textOf } from './raw-value.js';

/** JSON texts. `T` is taken on trust: give the mirror a `schema` to have it checked. */
export function json<T = unknown>(): Codec<T> {
  const decodeText = (text: string) => JSON.parse(text) as T;
  return { name: 'json', decode: (bytes) => decodeText(textOf(bytes)), decodeText, encode: textOfJson };
}

function textOfJson(value: unknown): string {
  // What has no JSON form has no text either.
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`JSON has no form for ${typeof value}`);
  return text;
}
