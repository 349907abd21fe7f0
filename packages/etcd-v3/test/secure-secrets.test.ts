import { describeSecrets } from '../../etcd-common/test/support/secrets.js';
import { ADAPTER } from './support/adapter.js';
import { enableAuth } from './watch-auth.js';

describeSecrets(ADAPTER, {
  enable: (etcd, password) => enableAuth(etcd, ['/app/'], password),
  args: ['--bcrypt-cost=4'],
  // What etcd's simple tokens look like.
  sent: () => [/\b[A-Za-z]{16}\.\d+\b/],
  sample: 'NQZdeDcRcNSrPyZp.17',
  bad: (secret) => [{ headers: { authorization: 7, token: secret } as never }],
});
