import { etcdV3Store } from '@holdfast/etcd-v3';
import { describeBadCertificates } from '../../etcd-common/test/support/bad-certificates.js';

describeBadCertificates(etcdV3Store, { enableV2: false });
