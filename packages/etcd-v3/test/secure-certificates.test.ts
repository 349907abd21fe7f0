import { describeCertificates } from '../../etcd-common/test/support/certificates.js';
import { ADAPTER } from './support/adapter.js';

describeCertificates(ADAPTER);
