import { etcdV3Store } from '@holdfast/etcd-v3';
import { describeTrailingDot } from '../../etcd-common/test/support/trailing-dot.js';

describeTrailingDot(etcdV3Store, { enableV2: false });
