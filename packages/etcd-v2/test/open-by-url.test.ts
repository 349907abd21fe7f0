import { etcdV2 } from '@holdfast/etcd-v2';
import type { Etcd } from '@holdfast/testkit';
import { describeOpenByUrl } from '../../etcd-common/test/support/open-by-url.js';

async function admin(etcd: Etcd, path: string, body?: object): Promise<void> {
  const response = await fetch(`${etcd.endpoints[0]!}/v2/auth/${path}`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from('root:toor').toString('base64')}`,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`PUT ${path}: ${response.status} ${await response.text()}`);
}

describeOpenByUrl({
  adapter: etcdV2,
  enableV2: true,
  enableUsers: async (etcd, password) => {
    await admin(etcd, 'users/root', { user: 'root', password: 'toor' });
    await admin(etcd, 'roles/app', { role: 'app', permissions: { kv: { read: ['/app/*'], write: ['/app/*'] } } });
    await admin(etcd, 'users/app', { user: 'app', password, roles: ['app'] });
    await admin(etcd, 'enable');
  },
  changePassword: (etcd, password) => admin(etcd, 'users/app', { user: 'app', password }),
});
