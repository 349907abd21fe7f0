import { bytesEqual, decodeUtf8, encodeUtf8 } from '@holdfast/adapter-kit';
import { badContent } from './bad-content.js';
import { isStructured, type FileExtension } from './extensions.js';
import { canonicalJson, contentOf, membersOfJson } from './json.js';
import { jsonOfYaml, membersOfYaml, yamlOfJson } from './yaml.js';

const BOM = String.fromCharCode(0xfe_ff);

/** What a file says. */
export interface FileValue {
  /** The value that the store has for it. */
  readonly value: Uint8Array;
  /** Words of a YAML file that YAML 1.1 reads as something else, at their lines. */
  readonly doubtful: readonly string[];
}

/**
 * The value that a file stands for: of YAML its JSON text, of everything else its bytes. A byte order mark before YAML and JSON is left out.
 *
 * @throws StoreError `invalid-argument` with the place, for a content that does not fit the extension, and for an empty file, which may have lost its
 * content. Only a `.bin` file may be empty: it is the empty value.
 */
export function valueOfFile(content: Uint8Array, extension: FileExtension): FileValue {
  if (content.length === 0 && extension !== '.bin') {
    throw badContent('it is empty: write a value, or delete it; an empty value is an empty file with the ending .bin');
  }
  if (!isStructured(extension)) return { value: content, doubtful: [] };
  const text = textOf(content);
  if (extension === '.json') {
    canonicalJson(text);
    return { value: encodeUtf8(text), doubtful: [] };
  }
  const { json, doubtful } = jsonOfYaml(text);
  return { value: encodeUtf8(json), doubtful };
}

/** What one file with many entries says: the values by their keys. */
export interface FileEntries {
  readonly values: ReadonlyMap<string, Uint8Array>;
  readonly doubtful: readonly string[];
}

/**
 * The entries of one file that has many: a mapping or an object, with the key of each entry and its value. A value is its JSON text.
 *
 * @throws StoreError `invalid-argument` for a content that does not fit the extension, an empty file, and keys that no store takes
 */
export function entriesOfFile(content: Uint8Array, extension: FileExtension): FileEntries {
  if (content.length === 0) throw badContent('it is empty: write its entries, or {} where there are none');
  const text = textOf(content);
  const { members, doubtful } =
    extension === '.json' ? { members: membersOfJson(text), doubtful: [] } : membersOfYaml(text);
  for (const key of members.keys()) {
    if (key === '') throw badContent('it has an empty key: a key has at least one character');
    // Half of a surrogate pair has no UTF-8: two such keys would become one.
    if (/\p{Surrogate}/u.test(key)) throw badContent('it has a key with a half of a surrogate pair: correct it');
  }
  return { values: new Map([...members].map(([key, json]) => [key, encodeUtf8(json)])), doubtful };
}

/** The text of a structured file, without a byte order mark. */
function textOf(content: Uint8Array): string {
  const text = decodeUtf8(content);
  if (text === undefined) throw badContent('it is no UTF-8: save it as UTF-8, or give it the ending .bin');
  return text.startsWith(BOM) ? text.slice(1) : text;
}

/** A file that stands for a value. */
export interface FileContent {
  readonly extension: FileExtension;
  readonly content: Uint8Array;
}

/**
 * A file whose {@link valueOfFile} is the value, byte for byte: YAML for an object or an array where that is possible, else JSON; text; and for
 * the rest, and the empty value, bytes.
 *
 * @param prefer `'json'`: JSON for objects and arrays, as it is
 */
export function fileOfValue(value: Uint8Array, prefer: 'yaml' | 'json' = 'yaml'): FileContent {
  const text = decodeUtf8(value);
  if (text === undefined || text === '' || hasControl(text)) return { extension: '.bin', content: value };
  if (!/^[ \t\r\n]*[[{]/.test(text) || contentOf(value) === undefined) return { extension: '.txt', content: value };
  const yaml = prefer === 'yaml' ? yamlOfJson(text) : undefined;
  return yaml === undefined
    ? { extension: '.json', content: value }
    : { extension: '.yaml', content: encodeUtf8(yaml) };
}

/** The file with this ending whose {@link valueOfFile} is the value, byte for byte; `undefined` if there is none. */
export function fileOfValueAs(value: Uint8Array, extension: FileExtension): FileContent | undefined {
  if (extension === '.bin') return { extension, content: value };
  if (value.length === 0) return undefined;
  if (extension === '.txt') return { extension, content: value };
  const text = decodeUtf8(value);
  if (text === undefined || text.startsWith(BOM)) return undefined;
  if (extension === '.json') return contentOf(value) === undefined ? undefined : { extension, content: value };
  const yaml = yamlOfJson(text);
  return yaml === undefined ? undefined : { extension, content: encodeUtf8(yaml) };
}

/** What no editor of texts shows or keeps. */
function hasControl(text: string): boolean {
  return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text);
}

/**
 * Whether a stored value is what a file says: of YAML and JSON by content, so that white space, the order of keys and the form of numbers
 * don't count; of other files by bytes.
 */
export function isSameValue(extension: FileExtension, ofFile: Uint8Array, stored: Uint8Array): boolean {
  if (bytesEqual(ofFile, stored)) return true;
  if (!isStructured(extension)) return false;
  const content = contentOf(ofFile);
  return content !== undefined && content === contentOf(stored);
}
