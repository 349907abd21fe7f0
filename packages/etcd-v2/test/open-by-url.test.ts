import { etcdV2 } from '@holdfast/etcd-v2';
import { describeOpenByUrl } from '../../etcd-common/test/support/open-by-url.js';
import { admin, enableUsers } from './support/users.js';

describeOpenByUrl({
  adapter: etcdV2,
  enableV2: true,
  enableUsers,
  changePassword: (etcd, password) => admin(etcd, 'PUT', 'users/app', { user: 'app', password }),
});
