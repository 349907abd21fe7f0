import { describeTrailingDot } from '../../etcd-common/test/support/trailing-dot.js';
import { ADAPTER } from './support/adapter.js';

describeTrailingDot(ADAPTER);
