import type { Bookmark, CallOptions, Consistency, KeyValue, Revision } from '@holdfast/store';
import { CALL_OPTIONS, checkConsistency, checkFlag, type CallRunner } from '@holdfast/store/adapter';
import { checkTtl } from '../json/ttl.js';
import { checkPath, ttlField } from './check-node.js';
import { writeOf } from '../json/answer.js';
import { isFile, isReadable, sortByKey, toKeyValue, type V2File, type V2Node } from '../json/codec.js';
import type { Connection } from '../connection/connection.js';
import { keyPath } from '../json/key-path.js';
import { bookmarkOf, readForWrite, readNode } from '../kv/reads.js';

/** The direct content of a directory. etcd does not list hidden nodes. */
export interface DirectoryListing {
  readonly bookmark: Bookmark;
  /** The paths of its directories, in UTF-8 byte order. */
  readonly directories: readonly string[];
  readonly items: readonly KeyValue[];
  /** When the directory expires with its content, in milliseconds since the epoch by the server's clock. */
  readonly expiresAt?: number;
}

export interface CreateDirectoryOptions extends CallOptions {
  /** Seconds to live, for the directory and its content. */
  readonly ttl?: number | undefined;
}

export interface RemoveDirectoryOptions extends CallOptions {
  /** Removes the content too, hidden nodes included. Otherwise the directory must be empty. */
  readonly recursive?: boolean | undefined;
}

/** Directories of the keys API, which are outside of the contract: paths such as `/app/routes`. */
export class Directories {
  readonly #connection: Connection;
  readonly #call: CallRunner;

  /** @internal */
  constructor(connection: Connection, call: CallRunner) {
    this.#connection = connection;
    this.#call = call;
  }

  /** Creates an empty directory. `created: false` if the name is taken by a directory or an entry. */
  create(
    path: string,
    options: CreateDirectoryOptions = {},
  ): Promise<{ readonly created: boolean; readonly revision: Revision }> {
    return this.#call('write', [options, [...CALL_OPTIONS, 'ttl'], 'directories.create()'], (given) => {
      const key = checkPath(path);
      const form = { dir: 'true', prevExist: 'false', ...ttlField(given) };
      return async ({ signal }) => {
        const answer = await this.#connection.call({
          method: 'PUT',
          path: keyPath(key),
          form,
          kind: 'write',
          signal,
          expect: [105],
          parse: writeOf(key),
        });
        return { created: answer.refused === undefined, revision: bookmarkOf(answer).revision };
      };
    });
  }

  /** Lists the direct content; `undefined` if there is no such directory. `'/'` is the root. */
  list(
    path: string,
    options: CallOptions & { readonly consistency?: Consistency | undefined } = {},
  ): Promise<DirectoryListing | undefined> {
    return this.#call('read', [options, [...CALL_OPTIONS, 'consistency'], 'directories.list()'], (given) => {
      const key = path === '/' ? path : checkPath(path);
      const consistency = checkConsistency(given);
      return async ({ signal }) => {
        const { node, answer } = await readNode(this.#connection, key, consistency, signal);
        if (node === undefined || isFile(node)) return undefined;
        return { bookmark: bookmarkOf(answer), ...contentsOf(node) };
      };
    });
  }

  /** Removes a directory. `removed: false` if there is none. Fails with `invalid-argument` if it is not empty, without `recursive`. */
  remove(
    path: string,
    options: RemoveDirectoryOptions = {},
  ): Promise<{ readonly removed: boolean; readonly revision: Revision }> {
    return this.#call('write', [options, [...CALL_OPTIONS, 'recursive'], 'directories.remove()'], (given) => {
      const key = checkPath(path);
      const query = checkFlag(given, 'recursive') ? '?dir=true&recursive=true' : '?dir=true';
      return async ({ signal }) => {
        // The server would also delete an entry of that name.
        const { node, answer } = await readForWrite(this.#connection, key, { signal });
        if (node === undefined || isFile(node)) return { removed: false, revision: bookmarkOf(answer).revision };
        const removed = await this.#connection.call({
          method: 'DELETE',
          path: `${keyPath(key)}${query}`,
          kind: 'write',
          signal,
          expect: [100],
          parse: writeOf(key),
        });
        return { removed: removed.refused === undefined, revision: bookmarkOf(removed).revision };
      };
    });
  }

  /**
   * Gives a directory another time to live, in seconds, without waking watches. `refreshed: false` if there is no such directory. Fails
   * with `unsupported` on etcd 3.5, which can't change an existing directory.
   */
  refresh(
    path: string,
    ttl: number,
    options: CallOptions = {},
  ): Promise<{ readonly refreshed: boolean; readonly revision: Revision }> {
    return this.#call('write', [options, CALL_OPTIONS, 'directories.refresh()'], () => {
      const key = checkPath(path);
      const seconds = checkTtl(ttl);
      return async ({ signal }) => {
        const { node, answer } = await readForWrite(this.#connection, key, { signal });
        if (node === undefined || isFile(node)) return { refreshed: false, revision: bookmarkOf(answer).revision };
        const refreshed = await this.#connection.call({
          method: 'PUT',
          path: keyPath(key),
          form: { dir: 'true', prevExist: 'true', refresh: 'true', ttl: String(seconds) },
          kind: 'write',
          signal,
          expect: [100],
          parse: writeOf(key),
        });
        return { refreshed: refreshed.refused === undefined, revision: bookmarkOf(refreshed).revision };
      };
    });
  }
}

function contentsOf({ nodes = [], expiration }: V2Node): Omit<DirectoryListing, 'bookmark'> {
  const readable = nodes.filter(({ key }) => key !== undefined && isReadable(key));
  const files = readable.filter((node): node is V2File => isFile(node));
  const directories = readable.filter((node) => node.dir === true).map(({ key = '' }) => ({ key, value: '' }));
  return {
    directories: sortByKey(directories).map(({ key }) => key),
    items: sortByKey(files).map((file) => toKeyValue(file)),
    ...(expiration !== undefined && { expiresAt: Date.parse(expiration) }),
  };
}
