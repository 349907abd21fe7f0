import { toOptions } from '@holdfast/etcd-common';
import type { StoreAdapter } from '@holdfast/store';
import { etcdV2Store } from './etcd-store.js';

/**
 * Opens `etcd-v2://user:password@host:2379,host2:2379/prefix` with `openStore`. The parameter `tls=true` secures the connections, with
 * the authorities that the system trusts. For anything else use {@link etcdV2Store}.
 */
export const etcdV2: StoreAdapter = {
  scheme: 'etcd-v2',
  open: (url) => etcdV2Store(toOptions(url, 'etcdV2Store()')),
};
