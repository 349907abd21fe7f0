import { availableEtcds } from '@holdfast/testkit';
import { describeConformance } from '@holdfast/testkit/jest';
import { bindEtcd } from '../../etcd-common/test/support/conformance.js';
import { ADAPTER } from './support/adapter.js';

for (const { version } of availableEtcds({ api: 'v2' })) {
  describeConformance(`etcd-v2@${version}`, () => bindEtcd(ADAPTER, version));
}
