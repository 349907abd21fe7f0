import { describeSecrets } from '../../etcd-common/test/support/secrets.js';
import type { EtcdV2Store } from '@holdfast/etcd-v2';
import { ADAPTER } from './support/adapter.js';
import { basic, enableUsers } from './support/users.js';

describeSecrets(ADAPTER, {
  enable: (etcd, password) => enableUsers(etcd, password),
  sent: (username, password) => [basic(username, password)],
  sample: basic('app', 'apppw'),
  parts: async (store) => {
    const { stats, health, members, inOrder, directories, hidden } = parts(store);
    return [await stats(), await health(), await members.list(), members, inOrder, directories, hidden];
  },
  forbidden: (store) => {
    const { directories, inOrder } = parts(store);
    return [() => directories.create('/other'), () => inOrder.create('/other', 'x')];
  },
  bad: (secret) => [{ headers: { authorization: secret } }, { auth: { username: 'a:b', password: secret } }],
});

function parts(store: object) {
  const v2 = store as EtcdV2Store;
  const { members, inOrder, directories, hidden } = v2;
  return { stats: () => v2.stats(), health: () => v2.health(), members, inOrder, directories, hidden };
}
