import { type DocumentOptions, parse, type ParseOptions, type SchemaOptions, type ToJSOptions } from 'yaml';
import type { Codec } from './codec.js';
import { textOf } from './raw-value.js';

export type YamlOptions = ParseOptions & DocumentOptions & SchemaOptions & ToJSOptions;

/**
 * Reads one YAML document in each value, with the package `yaml`. That is an optional peer dependency: install it beside this package.
 * The options are those of `yaml`. Nothing checks `T`: give the mirror a `schema` for that.
 */
export function yaml<T = unknown>(options: YamlOptions = {}): Codec<T> {
  // Warnings would go to the console. Errors are thrown, and become problems of their keys.
  const decodeText = (text: string) => parse(text, { logLevel: 'error', ...options }) as T;
  return { name: 'yaml', decode: (bytes) => decodeText(textOf(bytes)), decodeText };
}
