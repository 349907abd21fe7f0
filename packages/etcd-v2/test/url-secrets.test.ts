import { etcdV2, etcdV2Store } from '@holdfast/etcd-v2';
import { describeUrlSecrets } from '../../etcd-common/test/support/url-secrets.js';

describeUrlSecrets(etcdV2Store, etcdV2);
