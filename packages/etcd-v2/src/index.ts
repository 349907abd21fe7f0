export type { CreateDirectoryOptions, Directories, DirectoryListing, RemoveDirectoryOptions } from './directories.js';
export { etcdV2 } from './etcd-adapter.js';
export { etcdV2Store, type EtcdV2Store } from './etcd-store.js';
export type { HiddenNodes, HiddenPutOptions } from './hidden.js';
export type { InOrder, InOrderOptions } from './in-order.js';
export type { EtcdV2Member, Members } from './members.js';
export type { EtcdCredentials, EtcdTlsOptions, EtcdV2Options } from './options.js';
export type { EtcdV2Health, EtcdV2Stats } from './stats.js';
