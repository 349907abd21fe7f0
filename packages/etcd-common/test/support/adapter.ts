import type { ConfigStore, StoreAdapter } from '@holdfast/store';
import { startEtcd, type Etcd, type StartEtcdOptions } from '@holdfast/testkit';
import type { EtcdOptions } from '@holdfast/etcd-common';

/**
 * One of the two adapters, for tests that hold for both. The tests of each adapter pass their own: this package must not know them.
 */
export interface EtcdAdapter {
  /** `etcdV3Store` or `etcdV2Store`. */
  readonly open: (options: EtcdOptions) => ConfigStore;
  /** `etcdV3` or `etcdV2`, for stores that are opened by URL. */
  readonly adapter: StoreAdapter;
  /** Whether servers must serve the v2 API. */
  readonly enableV2: boolean;
}

/** A real etcd that the adapter can talk to. */
export function startFor({ enableV2 }: EtcdAdapter, options: StartEtcdOptions): Promise<Etcd> {
  return startEtcd({ enableV2, ...options });
}
