import type { CallOptions, Revision } from '@holdfast/store';
import { CALL_OPTIONS, GuardedStore, type CallRunner } from '@holdfast/store/adapter';
import { checkTtl } from './json/ttl.js';
import { checkPath } from './v2-only/check-node.js';
import { Connection } from './connection/connection.js';
import { Directories } from './v2-only/directories.js';
import { EtcdDriver } from './etcd-driver.js';
import { HiddenNodes } from './v2-only/hidden.js';
import { InOrder } from './v2-only/in-order.js';
import { writeOf } from './json/answer.js';
import { keyPath } from './json/key-path.js';
import { Members } from './v2-only/members.js';
import { resolveOptions, type EtcdV2Options } from './options.js';
import { bookmarkOf } from './kv/reads.js';
import { readMembers } from './kv/status.js';
import { readHealth, readStats, type EtcdV2Health, type EtcdV2Stats } from './v2-only/stats.js';

/**
 * A config store on etcd's v2 keys API: etcd 2, and 3.0 to 3.5 with `--enable-v2`. Beside the contract it offers the abilities of v2
 * alone.
 */
export class EtcdV2Store extends GuardedStore {
  /** Entries that the server names in the order of their creation. */
  readonly inOrder: InOrder;
  readonly directories: Directories;
  /** Nodes whose names begin with `_`. */
  readonly hidden: HiddenNodes;
  readonly members: Members;
  readonly #connection: Connection;

  /** @internal Use {@link etcdV2Store}. */
  constructor(options: EtcdV2Options) {
    const resolved = resolveOptions(options);
    const { clock, logger, requestMs: timeoutMs, bufferBytes } = resolved;
    const connection = new Connection(resolved);
    super(new EtcdDriver(connection, resolved), { clock, logger, timeoutMs, bufferBytes });
    this.#connection = connection;
    const call: CallRunner = (kind, given, check) => this.call(kind, given, check);
    this.inOrder = new InOrder(connection, call);
    this.directories = new Directories(connection, call);
    this.hidden = new HiddenNodes(connection, call);
    this.members = new Members(connection, call);
  }

  /**
   * Gives an entry another time to live, in seconds, and keeps its value. Watches don't see it; the index moves. `refreshed: false` if
   * there is no such entry.
   */
  refresh(
    key: string,
    ttl: number,
    options: CallOptions = {},
  ): Promise<{ readonly refreshed: boolean; readonly revision: Revision }> {
    return this.call('write', [options, CALL_OPTIONS, 'refresh()'], () => {
      const path = `${keyPath(checkPath(key))}?noValueOnSuccess=true`;
      const form = { ttl: String(checkTtl(ttl)), refresh: 'true', prevExist: 'true' };
      return async ({ signal }) => {
        const answer = await this.#connection.call({
          method: 'PUT',
          path,
          form,
          kind: 'write',
          signal,
          expect: [100, 104],
          parse: writeOf(key),
        });
        return { refreshed: answer.refused === undefined, revision: bookmarkOf(answer).revision };
      };
    });
  }

  /** The statistics of the answering member: of itself, of its followers if it leads, and of its copy of the data. */
  stats(options: CallOptions = {}): Promise<EtcdV2Stats> {
    return this.call('read', [options, CALL_OPTIONS, 'stats()'], () => (call) => readStats(this.#connection, call));
  }

  /** The health of each endpoint. An endpoint that can't be reached is not healthy. */
  health(options: CallOptions = {}): Promise<readonly EtcdV2Health[]> {
    return this.call('read', [options, CALL_OPTIONS, 'health()'], () => (call) => readHealth(this.#connection, call));
  }

  /**
   * Asks the cluster for its members, and uses their client URLs too from now on. The endpoints that the store was opened with stay.
   *
   * @returns all endpoints.
   */
  refreshEndpoints(options: CallOptions = {}): Promise<readonly string[]> {
    return this.call('read', [options, CALL_OPTIONS, 'refreshEndpoints()'], () => async ({ signal }) => {
      const members = await readMembers(this.#connection, signal);
      return this.#connection.updateEndpoints(members.flatMap(({ clientURLs = [] }) => clientURLs));
    });
  }
}

/**
 * A config store on etcd's v2 API. Nothing is sent before the first call. If no endpoint can be reached, that call fails with
 * `unavailable` within `timeouts.connectMs`.
 *
 * @throws StoreError `invalid-argument`, with the option's name
 */
export function etcdV2Store(options: EtcdV2Options): EtcdV2Store {
  return new EtcdV2Store(options);
}
