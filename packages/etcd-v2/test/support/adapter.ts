import { etcdV2, etcdV2Store } from '@holdfast/etcd-v2';
import type { EtcdAdapter } from '../../../etcd-common/test/support/adapter.js';

/** This adapter, for the tests that hold for both of etcd's. */
export const ADAPTER: EtcdAdapter = { open: etcdV2Store, adapter: etcdV2, enableV2: true };
