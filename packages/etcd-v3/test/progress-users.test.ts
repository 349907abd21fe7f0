// An idle watch stays resumable for everybody: without users, for a user of a role, and for root; on servers that refuse their status to
// that user too (docs/traps.md#trap-21).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isStoreError, type WatchBatch } from '@holdfast/store';
import { etcdV3Store, type EtcdCredentials, type EtcdV3Store } from '@holdfast/etcd-v3';
import { availableEtcds, eventually, startEtcd, startProxy, type Etcd } from '@holdfast/testkit';
import { APP, enableAuth } from './watch-auth.js';

/** Whether this server's answers to progress requests are in order: no other is asked. */
const isAsked = (version: string) => !version.startsWith('3.4.') || Number(version.slice(4)) >= 25;

const ROOT: EtcdCredentials = { username: 'root', password: 'rootpw' };

describe.each(availableEtcds())('an idle watch on etcd $version', ({ version }) => {
  let open: Etcd;
  let secured: Etcd;

  beforeAll(async () => {
    [open, secured] = await Promise.all([
      startEtcd({ version }),
      startEtcd({ version, args: ['--bcrypt-cost=4'] }).then(async (etcd) => {
        await enableAuth(etcd, ['/app/']);
        return etcd;
      }),
    ]);
  });
  afterAll(() => Promise.all([open.close(), secured.close()]));

  const users: readonly (readonly [name: string, auth: EtcdCredentials | undefined])[] = [
    ['without users', undefined],
    ['of a user', APP],
    ['of root', ROOT],
  ];

  test.each(users)(
    '%s moves past the writes of others, and outlives their compaction and a cut',
    async (_name, auth) => {
      const etcd = auth === undefined ? open : secured;
      await using proxy = await startProxy(etcd.endpoints[0]!);
      await using store = etcdV3Store({
        endpoints: [proxy.endpoint],
        auth,
        watch: { progressMs: 50 },
        retry: { initialMs: 10, maxMs: 50 },
      });
      await using others = etcdV3Store({ endpoints: [...etcd.endpoints], auth: auth === undefined ? undefined : ROOT });
      const watch = store.watch({ prefix: '/app/' });
      const batches: WatchBatch[] = [];
      const ended = (async () => {
        for await (const batch of watch) batches.push(batch);
      })().catch((error: unknown) => error);
      await watch.ready;

      const elsewhere = async () => {
        let head = 0;
        for (let i = 0; i < 5; i += 1) head = (await others.put('/elsewhere', String(i))).revision;
        return head;
      };
      const reached = (revision: number) =>
        eventually(() => expect(batches.at(-1)?.bookmark.revision ?? 0).toBeGreaterThanOrEqual(revision));
      // Idle.
      const head = await elsewhere();
      if (isAsked(version)) await reached(head);
      // Compacted while it is cut off.
      proxy.refuse();
      proxy.cut();
      await eventually(() => watch.state.status === 'interrupted');
      await others.compact(head);
      await proxy.allow();
      if (!isAsked(version)) {
        expect(isStoreError(await ended, 'compacted')).toBe(true);
        return;
      }
      // And on after the cut.
      await reached(await elsewhere());
      const { revision } = await store.put('/app/a', '1');
      await reached(revision);
      expect(batches.flatMap(({ events }) => events)).toMatchObject([{ type: 'put', current: { key: '/app/a' } }]);
      await watch.close();
      expect(await ended).toBeUndefined();
    },
  );

  test.each(users)('%s: the store has a status', async (_name, auth) => {
    const etcd = auth === undefined ? open : secured;
    await using store: EtcdV3Store = etcdV3Store({ endpoints: [...etcd.endpoints], auth });
    const { clusterId, memberId } = await identityOf(etcd);
    const { leader, sizeBytes, ...status } = await store.status();
    expect(status).toMatchObject({ version, identity: clusterId, endpoint: etcd.endpoints[0] });
    expect(status.members).toMatchObject([{ id: memberId, endpoints: etcd.endpoints }]);
    // The last write was this test file's own.
    const { bookmark } = await store.list('/app/none');
    expect(status.revision).toBe(bookmark.revision);
    expect(status.raftTerm).toBeGreaterThan(0);
    // Told together, or left out together: some versions tell them to root alone.
    expect([leader, sizeBytes === undefined]).toEqual(sizeBytes === undefined ? [undefined, true] : [memberId, false]);
    if (auth !== APP) expect(sizeBytes).toBeGreaterThan(0);
  });
});

/** What etcd's own tool says, asked by root where there are users. */
async function identityOf(etcd: Etcd): Promise<{ clusterId: string; memberId: string }> {
  const asRoot = ['--user=root:rootpw', 'member', 'list', '-w', 'json'];
  const printed = await etcd.ctl(...asRoot).catch(() => etcd.ctl('member', 'list', '-w', 'json'));
  const [, clusterId = ''] = /"cluster_id":(\d+)/.exec(printed) ?? [];
  const [, memberId = ''] = /"member_id":(\d+)/.exec(printed) ?? [];
  return { clusterId, memberId };
}
