import { etcdV3, etcdV3Store } from '@holdfast/etcd-v3';
import type { EtcdAdapter } from '../../../etcd-common/test/support/adapter.js';

/** This adapter, for the tests that hold for both of etcd's. */
export const ADAPTER: EtcdAdapter = { open: etcdV3Store, adapter: etcdV3, enableV2: false };
