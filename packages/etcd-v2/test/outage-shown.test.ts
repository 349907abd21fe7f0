import { etcdV2Store } from '@holdfast/etcd-v2';
import { testOutageShown } from '../../etcd-common/test/support/outage-shown.js';

testOutageShown(etcdV2Store, { enableV2: true });
