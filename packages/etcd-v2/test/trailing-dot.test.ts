import { etcdV2Store } from '@holdfast/etcd-v2';
import { describeTrailingDot } from '../../etcd-common/test/support/trailing-dot.js';

describeTrailingDot(etcdV2Store, { enableV2: true });
