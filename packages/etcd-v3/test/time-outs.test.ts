import { etcdV3Store } from '@holdfast/etcd-v3';
import { describeTimeouts } from '../../etcd-common/test/support/time-outs.js';

describeTimeouts(etcdV3Store, { enableV2: false });
