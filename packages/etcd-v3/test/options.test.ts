import { describeOptions } from '../../etcd-common/test/support/options.js';
import { ADAPTER } from './support/adapter.js';

describeOptions(ADAPTER, [
  ['headers', { headers: { 'Upper-Case': 'x' } }],
  ['headers', { headers: { token: 'x' } }],
  ['at least 5000', { keepalive: { intervalMs: 1_000 } }],
  ['watch.silenceMs', { watch: { silenceMs: 0 } }],
  ['watch has no option "progress"', { watch: { progress: 1 } }],
  ['limits.maxRequestBytes', { limits: { maxRequestBytes: 0.5 } }],
  ['limits has no option "maxTxnOps"', { limits: { maxTxnOps: 128 } }],
  ['at most 2147483647', { maxResponseBytes: 2 ** 31 }],
]);
