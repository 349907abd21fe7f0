import { testOutageShown } from '../../etcd-common/test/support/outage-shown.js';
import { ADAPTER } from './support/adapter.js';

testOutageShown(ADAPTER);
