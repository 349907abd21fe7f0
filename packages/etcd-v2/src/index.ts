export type { EtcdCredentials, EtcdIdentityOptions, EtcdTlsOptions } from '@holdfast/etcd-common';
export type {
  CreateDirectoryOptions,
  Directories,
  DirectoryListing,
  RemoveDirectoryOptions,
} from './v2-only/directories.js';
export { etcdV2 } from './etcd-adapter.js';
export { etcdV2Store, type EtcdV2Store } from './etcd-store.js';
export type { HiddenNodes, HiddenPutOptions } from './v2-only/hidden.js';
export type { InOrder, InOrderOptions } from './v2-only/in-order.js';
export type { EtcdV2Member, Members } from './v2-only/members.js';
export type { EtcdV2Options } from './options.js';
export type { EtcdV2Health, EtcdV2Stats } from './v2-only/stats.js';
