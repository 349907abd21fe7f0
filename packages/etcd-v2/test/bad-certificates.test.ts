import { etcdV2Store } from '@holdfast/etcd-v2';
import { describeBadCertificates } from '../../etcd-common/test/support/bad-certificates.js';

describeBadCertificates(etcdV2Store, { enableV2: true });
