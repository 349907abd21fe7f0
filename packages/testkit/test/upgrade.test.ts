import { expect, test } from '@jest/globals';
import { availableEtcds, compareVersions, eventually, startEtcd, type Etcd, type EtcdMember } from '@holdfast/testkit';

/** The oldest first. etcd takes the data of the minor version before its own, and no older. */
const path = availableEtcds()
  .map(({ version }) => version)
  .sort(compareVersions);

/** What the server says, and not what it was started as. */
async function served({ endpoint }: EtcdMember): Promise<{ etcdserver: string; etcdcluster: string }> {
  return (await (await fetch(`${endpoint}/version`)).json()) as { etcdserver: string; etcdcluster: string };
}

const SNAPSHOT_COUNT = 50;

/**
 * Writes until every member has snapshotted. A newer version must not replay an older one's log from the start: 3.5.30 then takes
 * the other members for removed ones, and 3.6 and 3.7 refuse entries in v2's format.
 */
async function untilSnapshotted(etcd: Etcd): Promise<void> {
  for (let i = 0; i <= SNAPSHOT_COUNT; i += 1) await etcd.put('meanwhile', String(i));
}

test(`three members are upgraded on their data one by one (${path.join(' → ')}), and go back only when wiped`, async () => {
  const [oldest = '', ...newer] = path;
  await using etcd = await startEtcd({ version: oldest, nodes: 3, args: [`--snapshot-count=${SNAPSHOT_COUNT}`] });
  const revision = await etcd.put('kept', 'old');
  const { clusterId } = await etcd.members[0]!.status();
  let before = oldest;
  for (const version of newer) {
    await untilSnapshotted(etcd);
    etcd.useVersion(version);
    expect(etcd.members.map((member) => member.version)).toEqual([before, before, before]);
    for (const member of etcd.members) {
      await member.kill();
      // The others go on without it.
      await etcd.leader();
      await eventually(() => etcd.put('meanwhile', `${member.name} ${version}`));
      await member.start();
      expect([member.version, (await served(member)).etcdserver]).toEqual([version, version]);
    }
    // A member of the version after this one starts only once the cluster as a whole has moved on.
    const series = version.replace(/\d+$/, '0');
    await eventually(async () => expect((await served(etcd.members[0]!)).etcdcluster).toBe(series));
    before = version;
  }
  expect(await etcd.ctl('get', 'kept', `--rev=${revision}`, '--print-value-only')).toBe('old\n');
  expect((await etcd.members[2]!.status()).clusterId).toBe(clusterId);
  etcd.useVersion(oldest);
  await etcd.wipe();
  expect(await Promise.all(etcd.members.map(served))).toMatchObject([0, 1, 2].map(() => ({ etcdserver: oldest })));
  expect(() => {
    etcd.useVersion('1.2.3');
  }).toThrow(/No etcd 1\.2\.3 found/);
});
