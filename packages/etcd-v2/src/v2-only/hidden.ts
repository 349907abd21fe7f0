import type { CallOptions, KeyValue, PutResult, Revision } from '@holdfast/store';
import { checkPath, checkText, checkTtl, type CallScope } from './call-scope.js';
import { parseWritten } from '../json/answer.js';
import { isFile, toKeyValue } from '../json/codec.js';
import type { Connection } from '../connection/connection.js';
import { keyPath } from '../json/key-path.js';
import { bookmarkOf, readNode } from '../kv/reads.js';

export interface HiddenPutOptions extends CallOptions {
  /** Seconds to live. */
  readonly ttl?: number | undefined;
}

/**
 * Hidden nodes, whose names begin with `_`. etcd lists them nowhere, and live watches don't see them, so the contract refuses such keys.
 * With their names they can be read and written.
 */
export class HiddenNodes {
  readonly #connection: Connection;
  readonly #scope: CallScope;

  constructor(connection: Connection, scope: CallScope) {
    this.#connection = connection;
    this.#scope = scope;
  }

  get(path: string, options: CallOptions = {}): Promise<KeyValue | undefined> {
    return this.#scope.run('read', options, [], async ({ signal }) => {
      const { node } = await readNode(this.#connection, checkPath(path), 'linearizable', signal);
      return node !== undefined && isFile(node) ? toKeyValue(node) : undefined;
    });
  }

  put(path: string, value: string, options: HiddenPutOptions = {}): Promise<PutResult> {
    return this.#scope.run('write', options, ['ttl'], async ({ signal }) => {
      const ttl = options.ttl === undefined ? undefined : checkTtl(options.ttl);
      const answer = await this.#connection.call({
        method: 'PUT',
        path: `${keyPath(checkPath(path))}?noValueOnSuccess=true`,
        form: { value: checkText(value), ...(ttl !== undefined && { ttl: String(ttl) }) },
        kind: 'write',
        signal,
        parse: ({ body }, { index = 0 }) => parseWritten(body, (written) => written === path, index),
      });
      return { revision: bookmarkOf(answer).revision, ...(ttl !== undefined && { ttl }) };
    });
  }

  delete(path: string, options: CallOptions = {}): Promise<{ readonly revision: Revision; readonly deleted: number }> {
    return this.#scope.run('write', options, [], async ({ signal }) => {
      const answer = await this.#connection.call({
        method: 'DELETE',
        path: keyPath(checkPath(path)),
        kind: 'write',
        signal,
        expect: [100, 104],
        parse: ({ body }, { index = 0 }) => parseWritten(body, (removed) => removed === path, index),
      });
      return { revision: bookmarkOf(answer).revision, deleted: answer.refused === undefined ? 1 : 0 };
    });
  }
}
