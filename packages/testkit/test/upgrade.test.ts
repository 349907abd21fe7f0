import { expect, test } from '@jest/globals';
import { availableEtcds, eventually, startEtcd, type EtcdMember } from '@holdfast/testkit';

const versions = availableEtcds().map(({ version }) => version);
const [older = '', newer = ''] = [versions[0], versions.at(-1)];

/** What the server says, and not what it was started as. */
async function served({ endpoint }: EtcdMember): Promise<{ etcdserver: string }> {
  return (await (await fetch(`${endpoint}/version`)).json()) as { etcdserver: string };
}

test('three members are upgraded on their data one by one, and go back only when wiped', async () => {
  await using etcd = await startEtcd({ version: older, nodes: 3, enableV2: true });
  const revision = await etcd.put('kept', 'old');
  const { clusterId } = await etcd.members[0]!.status();
  etcd.useVersion(newer);
  expect(etcd.members.map(({ version }) => version)).toEqual([older, older, older]);
  for (const member of etcd.members) {
    await member.kill();
    // The others go on without it.
    await etcd.leader();
    await eventually(() => etcd.put('meanwhile', member.name));
    await member.start();
    expect([member.version, (await served(member)).etcdserver]).toEqual([newer, newer]);
  }
  expect(await etcd.ctl('get', 'kept', `--rev=${revision}`, '--print-value-only')).toBe('old\n');
  expect((await etcd.members[2]!.status()).clusterId).toBe(clusterId);
  etcd.useVersion(older);
  await etcd.wipe();
  expect(await Promise.all(etcd.members.map(served))).toMatchObject([0, 1, 2].map(() => ({ etcdserver: older })));
  expect(() => {
    etcd.useVersion('1.2.3');
  }).toThrow(/No etcd 1\.2\.3 found/);
});
