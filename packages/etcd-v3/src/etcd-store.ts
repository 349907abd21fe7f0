import type { CallOptions } from '@holdfast/store';
import { GuardedStore } from '@holdfast/store/adapter';
import { Connection } from './connection/connection.js';
import { EtcdDriver } from './etcd-driver.js';
import { resolveOptions, type EtcdV3Options } from './options.js';

/** A config store on etcd 3.4 or newer. */
export class EtcdV3Store extends GuardedStore {
  readonly #connection: Connection;

  /** @internal Use {@link etcdV3Store}. */
  constructor(options: EtcdV3Options) {
    const resolved = resolveOptions(options);
    const { clock, logger, requestMs: timeoutMs, bufferBytes } = resolved;
    const connection = new Connection(resolved);
    super(new EtcdDriver(connection, resolved), { clock, logger, timeoutMs, bufferBytes });
    this.#connection = connection;
  }

  /**
   * Asks the cluster for its members, and uses their client URLs too from now on. The endpoints that the store was opened with stay.
   *
   * @returns all endpoints.
   */
  async refreshEndpoints(options?: CallOptions): Promise<readonly string[]> {
    const { members } = await this.status(options);
    return this.#connection.addEndpoints(members.flatMap(({ endpoints }) => endpoints));
  }
}

/**
 * A config store on etcd's v3 API. Nothing is sent before the first call. If no endpoint can be reached, that call fails with
 * `unavailable` within `timeouts.connectMs`.
 *
 * @throws StoreError `invalid-argument`, with the option's name
 */
export function etcdV3Store(options: EtcdV3Options): EtcdV3Store {
  return new EtcdV3Store(options);
}
