import { etcdAdapter, type EtcdAdapterOptions } from '@holdfast/etcd-common';
import type { ConfigurableAdapter } from '@holdfast/store';
import { etcdV3Store } from './etcd-store.js';
import { resolveOptions, type EtcdV3Options } from './options.js';

/**
 * Opens `etcd-v3://user:password@host:2379,host2:2379/prefix` with `openStore`. These parameters of the URL secure the connections:
 * `tls=true` (with the authorities that the system trusts), `ca=FILE`, `cert=FILE` and `key=FILE`, `serverName=NAME`;
 * `passwordFile=FILE` has the user's password. `etcdV3.with({ … })` takes all options of {@link etcdV3Store} but the endpoints.
 */
export const etcdV3: ConfigurableAdapter<EtcdAdapterOptions<EtcdV3Options>> = etcdAdapter<EtcdV3Options>({
  scheme: 'etcd-v3',
  name: 'etcdV3',
  open: etcdV3Store,
  check: resolveOptions,
});
