import { expect, test } from '@jest/globals';
import { availableEtcds, eventually, startEtcd } from '@holdfast/testkit';

const SOON = { timeoutMs: 30_000 };

test('a member whose links are cut knows no leader and misses what the others commit, until they are healed', async () => {
  const [first] = availableEtcds();
  await using etcd = await startEtcd({ version: first!.version, nodes: 3, links: true });
  const leader = etcd.members.indexOf(await etcd.leader());
  const cutOff = (leader + 1) % 3;
  const other = (leader + 2) % 3;
  await eventually(() => etcd.links.connectionsBetween(cutOff, leader) > 0, SOON);
  etcd.links.isolate(cutOff);
  await eventually(() => etcd.links.connectionsBetween(cutOff, leader) === 0, SOON);
  await eventually(() => etcd.links.connectionsBetween(cutOff, other) === 0, SOON);
  await eventually(async () => (await etcd.members[cutOff]!.status()).leader === '0', SOON);
  expect(etcd.links.connectionsBetween(leader, other)).toBeGreaterThan(0);
  // The member that etcd.put() goes to may be any, the one without a leader too.
  await eventually(async () => {
    await etcd.ctl(`--endpoints=${etcd.endpoints[leader]!}`, 'put', '/k', '1');
  }, SOON);
  const { revision } = await etcd.members[leader]!.status();
  expect((await etcd.members[cutOff]!.status()).revision).toBeLessThan(revision);
  expect(etcd.links.connectionsBetween(cutOff, leader)).toBe(0);
  etcd.links.heal();
  await eventually(async () => (await etcd.members[cutOff]!.status()).revision >= revision, SOON);
});

test('links are there only where they were asked for', async () => {
  await using etcd = await startEtcd();
  expect(() => etcd.links).toThrow('start it with the option links');
});
