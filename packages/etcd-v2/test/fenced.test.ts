import { testFence } from '../../etcd-common/test/support/fenced.js';
import { ADAPTER } from './support/adapter.js';

testFence(ADAPTER);
