import { etcdV3, etcdV3Store } from '@holdfast/etcd-v3';
import { describeUrlSecrets } from '../../etcd-common/test/support/url-secrets.js';

describeUrlSecrets(etcdV3Store, etcdV3);
