import { GuardedStore } from '@holdfast/store';
import { EtcdDriver } from './etcd-driver.js';
import { resolveOptions, type EtcdV3Options } from './options.js';

/** A config store on etcd 3.4 or newer. */
export class EtcdV3Store extends GuardedStore {
  /** @internal Use {@link etcdV3Store}. */
  constructor(options: EtcdV3Options) {
    const resolved = resolveOptions(options);
    const { clock, logger, requestMs: timeoutMs, bufferBytes } = resolved;
    super(new EtcdDriver(resolved), { clock, logger, timeoutMs, bufferBytes });
  }
}

/**
 * A config store on etcd's v3 API. Nothing is sent before the first call: an endpoint that is not there shows as
 * `unavailable` then, within `timeouts.connectMs`.
 *
 * @throws StoreError `invalid-argument`, naming the option.
 */
export function etcdV3Store(options: EtcdV3Options): EtcdV3Store {
  return new EtcdV3Store(options);
}
