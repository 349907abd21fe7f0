import { compareKeys, encodeUtf8, StoreError, toRevision, type KeyValue, type Revision } from '@holdfast/store';

/** A node as the keys API shows it: a file has a value, a directory says so. The root has no key. */
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

/** A file of the store: what the contract calls an entry. */
export interface V2File extends V2Node {
  readonly key: string;
  readonly value: string;
}

// What stands for a byte that is not UTF-8. Whole characters past U+FFFF have surrogates too, in pairs: those don't match.
const MARK = /\p{Surrogate}/u;

/**
 * Parses an answer. The server writes bytes that are not UTF-8 as the escape `\ufffd`, and the character U+FFFD as itself,
 * so that the two can be told apart here, and only here: such bytes come out as a lone surrogate.
 *
 * @throws StoreError `internal` where it is not JSON.
 */
export function parseJson<T>(body: string): T {
  const text = body.includes('\\ufffd') ? body.replace(/(?<!\\)((?:\\\\)*)\\ufffd/g, '$1\\udfff') : body;
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new StoreError('internal', 'the endpoint answered with something other than JSON; is it an etcd?', {
      cause,
    });
  }
}

/** An index as a revision. @throws StoreError `internal` where it is past 2^53−1, or not there. */
export function toIndex(index: number | string | undefined): Revision {
  try {
    return toRevision(index ?? 0);
  } catch (cause) {
    throw new StoreError('internal', `etcd told the index ${String(index)}, which can't be used`, { cause });
  }
}

export function isFile(node: V2Node): node is V2File {
  return node.dir !== true && node.key !== undefined;
}

/** Every file at or below a node, in no order. */
export function flatten(node: V2Node): V2File[] {
  const files: V2File[] = [];
  const directories: V2Node[] = [];
  let current: V2Node | undefined = node;
  while (current !== undefined) {
    if (isFile(current)) files.push(current);
    for (const child of current.nodes ?? []) {
      if (child.dir === true) directories.push(child);
      else if (isFile(child)) files.push(child);
    }
    current = directories.pop();
  }
  return files;
}

/** Whether a key came as UTF-8. */
export function isReadable(key: string): boolean {
  return !MARK.test(key);
}

/** A key's bytes. Of those that are not UTF-8 the server does not tell which they were: each comes out as 0xff. */
export function rawKeyBytes(key: string): Uint8Array {
  if (isReadable(key)) return encodeUtf8(key);
  const parts = key.split(MARK).map(encodeUtf8);
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.of(0xff), part])));
}

export function sortByKey(files: V2File[]): V2File[] {
  return files.sort((a, b) => compareKeys(a.key, b.key));
}

const NO_VALUE = new Uint8Array(0);

export function toKeyValue(file: V2Node, keysOnly = false): KeyValue {
  const { key = '', value = '', createdIndex, modifiedIndex, expiration } = file;
  const entry = {
    key,
    value: keysOnly ? NO_VALUE : encodeUtf8(value),
    createRevision: toIndex(createdIndex),
    modRevision: toIndex(modifiedIndex),
  };
  return expiration === undefined ? entry : { ...entry, expiresAt: Date.parse(expiration) };
}
