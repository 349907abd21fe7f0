import { describeTimeouts } from '../../etcd-common/test/support/time-outs.js';
import { ADAPTER } from './support/adapter.js';

describeTimeouts(ADAPTER);
