import { etcdV2Store } from '@holdfast/etcd-v2';
import { describeTimeouts } from '../../etcd-common/test/support/time-outs.js';

describeTimeouts(etcdV2Store, { enableV2: true });
