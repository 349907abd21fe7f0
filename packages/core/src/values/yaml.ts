import { type DocumentOptions, parse, type ParseOptions, type SchemaOptions, stringify, type ToJSOptions } from 'yaml';
import type { Codec } from './codec.js';
import { invalidArgument } from '@holdfast/store/adapter';
import { textOf } from './raw-value.js';

export type YamlOptions = ParseOptions & DocumentOptions & SchemaOptions & ToJSOptions;

/**
 * One YAML document a value, read by the `yaml` library (an optional peer dependency: install it beside this package).
 * `T` is taken on trust: give the mirror a `schema` to have it checked. Options are the library's own.
 *
 * @throws StoreError `invalid-argument` for options that are no object
 */
export function yaml<T = unknown>(options: YamlOptions = {}): Codec<T> {
  checkOptions(options);
  // Its warnings would go to the console; what it can't read is thrown, and becomes a problem of that key.
  const decodeText = (text: string) => parse(text, { logLevel: 'error', ...options }) as T;
  const encode = (value: T) => {
    const text = stringify(value, options) as string | undefined;
    if (text === undefined) throw new TypeError(`YAML has no form for ${typeof value}`);
    return text;
  };
  return { name: 'yaml', decode: (bytes) => decodeText(textOf(bytes)), decodeText, encode };
}

// The library checks the names itself. It would ignore what is no object.
function checkOptions(options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  throw invalidArgument('yaml() takes an object with options of the yaml library, or nothing');
}
