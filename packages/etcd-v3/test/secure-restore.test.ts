// A server with users that was restored from a backup. Etcd's simple tokens hold a raft index, and a server that has not come so
// far lets who sends one wait, for ever where it was restored: neither calls nor watches may wait with it.
import { expect, test } from '@jest/globals';
import { availableEtcds, eventually, findEtcd, startEtcd } from '@holdfast/testkit';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { APP, enableAuth } from './watch-auth.js';
import { Follower } from './watch-world.js';

const main = findEtcd({}).version;
const old = availableEtcds().filter(({ version }) => version.startsWith('3.4.'));

// From 3.5.30 on a server tells its cluster to users only, which it has to take first.
test.each([
  ...old.map(({ version }) => ({ version, sameToken: true })),
  { version: main, sameToken: true },
  { version: main, sameToken: false },
])('etcd $version, the same cluster id: $sameToken', async ({ version, sameToken }) => {
  const etcd = await startEtcd({ version, args: ['--bcrypt-cost=4'] });
  try {
    await enableAuth(etcd, ['/app/']);
    const printed = await etcd.ctl('--user=root:rootpw', 'snapshot', 'save', `${etcd.members[0]!.dataDir}.snapshot`);
    const [file] = /\/\S+\.snapshot/.exec(printed)!;
    await using writer = etcdV3Store({ endpoints: etcd.endpoints, auth: APP });
    for (let i = 0; i < 50; i += 1) await writer.put('/app/x', String(i));
    // Its token is of a later index than the restored server will have for long.
    await using store = etcdV3Store({ endpoints: etcd.endpoints, auth: APP });
    const follower = new Follower(store.watch({ prefix: '/app/' }));
    await follower.watch.ready;
    await etcd.restore(file, { sameToken });
    await eventually(async () => (await store.get('/app/x', { timeoutMs: 15_000 })) === undefined);
    await follower.ended();
    expect(follower.error).toMatchObject({ code: 'history-changed' });
  } finally {
    await etcd.close();
  }
});
