import { GuardedStore } from '@holdfast/store';
import { Connection } from './connection.js';
import { EtcdDriver } from './etcd-driver.js';
import { resolveOptions, type EtcdV2Options } from './options.js';

/** A config store on etcd's v2 keys API: etcd 2, and 3.0 to 3.5 with `--enable-v2`. */
export class EtcdV2Store extends GuardedStore {
  /** @internal Use {@link etcdV2Store}. */
  constructor(options: EtcdV2Options) {
    const resolved = resolveOptions(options);
    const { clock, logger, requestMs: timeoutMs, bufferBytes } = resolved;
    const connection = new Connection(resolved);
    super(new EtcdDriver(connection, resolved), { clock, logger, timeoutMs, bufferBytes });
  }
}

/**
 * A config store on etcd's v2 API. Nothing is sent before the first call: an endpoint that is not there shows as
 * `unavailable` then, within `timeouts.connectMs`.
 *
 * @throws StoreError `invalid-argument`, naming the option.
 */
export function etcdV2Store(options: EtcdV2Options): EtcdV2Store {
  return new EtcdV2Store(options);
}
