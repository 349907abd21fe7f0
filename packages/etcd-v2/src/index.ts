export { etcdV2 } from './etcd-adapter.js';
export { etcdV2Store, type EtcdV2Store } from './etcd-store.js';
export type { EtcdCredentials, EtcdTlsOptions, EtcdV2Options } from './options.js';
