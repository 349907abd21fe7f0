import { toOptions } from '@holdfast/etcd-common';
import type { StoreAdapter } from '@holdfast/store';
import { etcdV3Store } from './etcd-store.js';

/**
 * Opens `etcd-v3://user:password@host:2379,host2:2379/prefix` with `openStore`. The parameter `tls=true` secures the connections, with
 * the authorities that the system trusts. For anything else use {@link etcdV3Store}.
 */
export const etcdV3: StoreAdapter = {
  scheme: 'etcd-v3',
  open: (url) => etcdV3Store(toOptions(url, 'etcdV3Store()')),
};
