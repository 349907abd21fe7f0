import { describeUrlSecrets } from '../../etcd-common/test/support/url-secrets.js';
import { ADAPTER } from './support/adapter.js';

describeUrlSecrets(ADAPTER);
