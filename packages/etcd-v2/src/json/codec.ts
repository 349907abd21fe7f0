import type { KeyValue, Revision } from '@holdfast/store';
import { compareKeys, encodeUtf8 } from '@holdfast/store/adapter';
import { contradiction, notEtcds, shown } from './bad-answer.js';

/** A node of the keys API: a file has a value, a directory has `dir`. The root has no key. */
export interface V2Node {
  readonly key?: string;
  readonly value?: string;
  readonly dir?: boolean;
  readonly nodes?: readonly V2Node[];
  readonly createdIndex?: number;
  readonly modifiedIndex?: number;
  readonly expiration?: string;
  /** Seconds. */
  readonly ttl?: number;
}

/** The answer of a read or a write, and what a long poll tells. */
export interface V2Event {
  readonly action: string;
  readonly node: V2Node;
  readonly prevNode?: V2Node;
}

/** A file of the store. The contract calls it an entry. */
export interface V2File extends V2Node {
  readonly key: string;
  readonly value: string;
}

/** What `JSON.parse` gives for an object, before anything is known of it. */
export type JsonObject = Readonly<Record<string, unknown>>;

// A lone surrogate stands for a byte that is not UTF-8. The pairs of whole characters past U+FFFF don't match.
const MARK = /\p{Surrogate}/u;

/**
 * Parses an answer that must be an object. The server writes a byte that is not UTF-8 as the escape `\ufffd`, and the character U+FFFD
 * as itself. Only here the two can be told apart: such a byte becomes a lone surrogate.
 *
 * @throws BadAnswer
 */
export function parseJson(body: string): JsonObject {
  return parseObject(body.includes('\\ufffd') ? marked(body) : body);
}

/**
 * The same for the answer of a read, which may be long: to look for the escapes in all of it takes as long as half of the parsing. In the
 * values of a listing they are told as U+FFFD anyway.
 *
 * @throws BadAnswer
 */
export function parseListing(body: string): JsonObject {
  const plain = parseObject(body);
  const { node } = plain;
  return isReplaced(node) || hasReplacedKey(node) ? parseObject(marked(body)) : plain;
}

/** Whether the value of an entry that was read by itself may have such a byte: guards are compared with it. */
function isReplaced(node: unknown): boolean {
  return isObject(node) && typeof node['value'] === 'string' && node['value'].includes('\ufffd');
}

function hasReplacedKey(top: unknown): boolean {
  const left = [top];
  while (left.length > 0) {
    const node = left.pop();
    if (!isObject(node)) continue;
    const { key, nodes } = node;
    if (typeof key === 'string' && key.includes('\ufffd')) return true;
    if (Array.isArray(nodes)) for (const each of nodes) left.push(each);
  }
  return false;
}

function marked(body: string): string {
  return body.replace(/(?<!\\)((?:\\\\)*)\\ufffd/g, '$1\\udfff');
}

function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notEtcds(text === '' ? 'it has no body' : 'it is not JSON, or only the first part of it');
  }
  if (isObject(value)) return value;
  throw notEtcds('it is not a JSON object');
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a number of the server's is an index that the contract can name: from 1 to 2^53−1 (C3). */
export function isIndex(value: unknown): value is Revision {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** @throws BadAnswer */
export function checkIndex(value: unknown, what: string, of: string): Revision {
  if (isIndex(value)) return value;
  throw contradiction(`${what} ${shown(of)} is ${shown(value)}, and an index is a whole number from 1 to 2^53-1`);
}

export function isFile(node: V2Node): node is V2File {
  return node.dir !== true && node.key !== undefined;
}

/** Whether a key came as UTF-8. */
export function isReadable(key: string): boolean {
  return !MARK.test(key);
}

/** A key's bytes. The server does not reveal bytes that are not UTF-8: each becomes 0xff. */
export function rawKeyBytes(key: string): Uint8Array {
  if (isReadable(key)) return encodeUtf8(key);
  const parts = key.split(MARK).map(encodeUtf8);
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.of(0xff), part])));
}

export function sortByKey(files: V2File[]): V2File[] {
  let last = '';
  for (const { key } of files) {
    // Nearly always the server has sorted them.
    if (compareKeys(last, key) > 0) return files.sort((a, b) => compareKeys(a.key, b.key));
    last = key;
  }
  return files;
}

const NO_VALUE = new Uint8Array(0);

/** An entry of a node whose indexes were checked. */
export function toKeyValue(file: V2Node, keysOnly = false): KeyValue {
  const { key = '', value = '', createdIndex, modifiedIndex, expiration } = file;
  const entry = {
    key,
    value: keysOnly ? NO_VALUE : encodeUtf8(value),
    createRevision: createdIndex as Revision,
    modRevision: modifiedIndex as Revision,
  };
  return expiration === undefined ? entry : { ...entry, expiresAt: Date.parse(expiration) };
}
