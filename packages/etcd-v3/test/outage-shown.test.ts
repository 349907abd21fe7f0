import { etcdV3Store } from '@holdfast/etcd-v3';
import { testOutageShown } from '../../etcd-common/test/support/outage-shown.js';

testOutageShown(etcdV3Store, { enableV2: false });
