import { availableEtcds } from '@holdfast/testkit';
import { describeConformance } from '@holdfast/testkit/jest';
import { bindEtcd, type BackendOptions } from '../../etcd-common/test/support/conformance.js';
import { ADAPTER } from './support/adapter.js';

const OPTIONS: BackendOptions = {
  etcd: { progressIntervalMs: 100 },
  store: { watch: { progressMs: 100 }, limits: { maxTxnOperations: 128, maxRequestBytes: 1.5 * 1024 * 1024 } },
  hooks: (etcd) => ({
    putRaw: async (key, value) => void (await etcd.put(key, value)),
    writeOutside: async (key, value) => {
      if (value !== undefined) await etcd.put(key, value);
      else await etcd.api('kv/deleterange', { key: Buffer.from(key).toString('base64') });
    },
    openWatches: () => etcd.metric('etcd_debugging_mvcc_watcher_total'),
    deleteRaw: async (key) => void (await etcd.api('kv/deleterange', { key: Buffer.from(key).toString('base64') })),
  }),
};

for (const { version } of availableEtcds()) {
  describeConformance(`etcd-v3@${version}`, () => bindEtcd(ADAPTER, version, OPTIONS));
}
