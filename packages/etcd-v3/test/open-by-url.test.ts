import { etcdV3 } from '@holdfast/etcd-v3';
import { describeOpenByUrl } from '../../etcd-common/test/support/open-by-url.js';
import { changePassword, enableAuth } from './watch-auth.js';

describeOpenByUrl({
  adapter: etcdV3,
  enableV2: false,
  enableUsers: (etcd, password) => enableAuth(etcd, ['/app/'], password),
  changePassword,
});
