import type { CallOptions, KeyValue, PutResult, Revision } from '@holdfast/store';
import { CALL_OPTIONS, type CallRunner } from '@holdfast/store/adapter';
import { checkPath, checkText, ttlField } from './check-node.js';
import { writeOf } from '../json/answer.js';
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
  readonly #call: CallRunner;

  /** @internal */
  constructor(connection: Connection, call: CallRunner) {
    this.#connection = connection;
    this.#call = call;
  }

  get(path: string, options: CallOptions = {}): Promise<KeyValue | undefined> {
    return this.#call('read', [options, CALL_OPTIONS, 'hidden.get()'], () => {
      const key = checkPath(path);
      return async ({ signal }) => {
        const { node } = await readNode(this.#connection, key, 'linearizable', signal);
        return node !== undefined && isFile(node) ? toKeyValue(node) : undefined;
      };
    });
  }

  put(path: string, value: string, options: HiddenPutOptions = {}): Promise<PutResult> {
    return this.#call('write', [options, [...CALL_OPTIONS, 'ttl'], 'hidden.put()'], (given) => {
      const key = checkPath(path);
      const form = { value: checkText(value), ...ttlField(given) };
      return async ({ signal }) => {
        const answer = await this.#connection.call({
          method: 'PUT',
          path: `${keyPath(key)}?noValueOnSuccess=true`,
          form,
          kind: 'write',
          signal,
          parse: writeOf(key),
        });
        return { revision: bookmarkOf(answer).revision, ...(form.ttl !== undefined && { ttl: Number(form.ttl) }) };
      };
    });
  }

  delete(path: string, options: CallOptions = {}): Promise<{ readonly revision: Revision; readonly deleted: number }> {
    return this.#call('write', [options, CALL_OPTIONS, 'hidden.delete()'], () => {
      const key = checkPath(path);
      return async ({ signal }) => {
        const answer = await this.#connection.call({
          method: 'DELETE',
          path: keyPath(key),
          kind: 'write',
          signal,
          expect: [100, 104],
          parse: writeOf(key),
        });
        return { revision: bookmarkOf(answer).revision, deleted: answer.refused === undefined ? 1 : 0 };
      };
    });
  }
}
