import { describeBadCertificates } from '../../etcd-common/test/support/bad-certificates.js';
import { ADAPTER } from './support/adapter.js';

describeBadCertificates(ADAPTER);
