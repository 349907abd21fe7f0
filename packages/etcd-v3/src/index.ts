export type { EtcdCredentials, EtcdIdentityOptions, EtcdTlsOptions } from '@holdfast/etcd-common';
export { etcdV3 } from './etcd-adapter.js';
export { etcdV3Store, type EtcdV3Store } from './etcd-store.js';
export type { EtcdV3Options } from './options.js';
