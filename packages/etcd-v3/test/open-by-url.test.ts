import { etcdV3 } from '@holdfast/etcd-v3';
import { describeOpenByUrl } from '../../etcd-common/test/support/open-by-url.js';

const ROOT = '--user=root:toor';

describeOpenByUrl({
  adapter: etcdV3,
  enableV2: false,
  enableUsers: async (etcd, password) => {
    await etcd.ctl('user', 'add', 'root:toor');
    await etcd.ctl('user', 'grant-role', 'root', 'root');
    await etcd.ctl('role', 'add', 'app');
    await etcd.ctl('user', 'add', `app:${password}`);
    await etcd.ctl('user', 'grant-role', 'app', 'app');
    await etcd.ctl('role', 'grant-permission', 'app', '--prefix=true', 'readwrite', '/app/');
    await etcd.ctl('auth', 'enable');
  },
  changePassword: async (etcd, password) => {
    await etcd.ctlWith(`${password}\n`, ROOT, 'user', 'passwd', 'app', '--interactive=false');
  },
});
