import type { Bookmark, CallOptions, KeyValue } from '@holdfast/store';
import { CALL_OPTIONS, type CallRunner } from '@holdfast/store/adapter';
import { checkPath, checkText, ttlField } from './check-node.js';
import { parseCreated } from '../json/answer.js';
import { isFile, isReadable, sortByKey, toKeyValue, type V2File } from '../json/codec.js';
import type { Connection } from '../connection/connection.js';
import { keyPath } from '../json/key-path.js';
import { bookmarkOf, read } from '../kv/reads.js';

export interface InOrderOptions extends CallOptions {
  /** Seconds to live. */
  readonly ttl?: number | undefined;
}

/** Entries that the server names in the order of their creation (`POST`), for example for queues. */
export class InOrder {
  readonly #connection: Connection;
  readonly #call: CallRunner;

  /** @internal */
  constructor(connection: Connection, call: CallRunner) {
    this.#connection = connection;
    this.#call = call;
  }

  /** Creates an entry in a directory, and the directory if needed. The entry's name is greater than all earlier ones. */
  create(directory: string, value: string, options: InOrderOptions = {}): Promise<KeyValue> {
    return this.#call('write', [options, [...CALL_OPTIONS, 'ttl'], 'inOrder.create()'], (given) => {
      const path = keyPath(checkPath(directory));
      const form = { value: checkText(value), ...ttlField(given) };
      return async ({ signal }) => {
        const created = await this.#connection.ask({
          method: 'POST',
          path,
          form,
          kind: 'write',
          signal,
          parse: ({ body }, { index = 0 }) => parseCreated(body, directory, index),
        });
        return toKeyValue(created);
      };
    });
  }

  /** The entries of a directory, oldest first. */
  list(
    directory: string,
    options: CallOptions = {},
  ): Promise<{ readonly items: readonly KeyValue[]; readonly bookmark: Bookmark }> {
    return this.#call('read', [options, CALL_OPTIONS, 'inOrder.list()'], () => {
      const path = `${keyPath(checkPath(directory))}/?sorted=true`;
      return async ({ signal }) => {
        const answer = await read(this.#connection, { path, consistency: 'linearizable' }, signal);
        const { nodes = [] } = answer.result?.node ?? {};
        const files = nodes.filter((node): node is V2File => isFile(node) && isReadable(node.key));
        // The server sorts. Sorting a sorted list costs one walk through it.
        return { items: sortByKey(files).map((file) => toKeyValue(file)), bookmark: bookmarkOf(answer) };
      };
    });
  }
}
