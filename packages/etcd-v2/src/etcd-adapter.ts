import { etcdAdapter, type EtcdAdapterOptions } from '@holdfast/etcd-common';
import type { ConfigurableAdapter } from '@holdfast/store';
import { etcdV2Store } from './etcd-store.js';
import { resolveOptions, type EtcdV2Options } from './options.js';

/**
 * Opens `etcd-v2://user:password@host:2379,host2:2379/prefix` with `openStore`. These parameters of the URL secure the connections:
 * `tls=true` (with the authorities that the system trusts), `ca=FILE`, `cert=FILE` and `key=FILE`, `serverName=NAME`;
 * `passwordFile=FILE` has the user's password. `etcdV2.with({ … })` takes all options of {@link etcdV2Store} but the endpoints.
 */
export const etcdV2: ConfigurableAdapter<EtcdAdapterOptions<EtcdV2Options>> = etcdAdapter<EtcdV2Options>({
  scheme: 'etcd-v2',
  name: 'etcdV2',
  open: etcdV2Store,
  check: resolveOptions,
});
