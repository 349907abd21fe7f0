import type { EtcdMember, Random } from '@holdfast/testkit';
import { availableEtcds, eventually, isOfVersion } from '@holdfast/testkit';
import type { Cell } from '../../cell.js';
import type { Fault } from '../../fault.js';
import { SNAPSHOT_COUNT } from '../../settings.js';
import type { World } from '../../world.js';
import { linger } from './linger.js';

// One version after the other: etcd takes the data of the minor version before its own, and no older.
const NEWER = ['3.5', '3.6', '3.7'] as const;

/**
 * The servers are upgraded from 3.4 on, version by version, on the data that they have; with three members one by one, in any
 * order. The v2 API ends with 3.5.
 */
export const upgrade: Fault = {
  kind: 'upgrade',
  appliesTo: ({ version }) => version === '3.4.23',

  async inject(world, random) {
    const path = pathOf(world.cell);
    const orders: string[] = [];
    for (const version of path) orders.push(await upgradeTo(version, world, random));
    // Data is never taken back to an older version.
    return {
      heal: () => Promise.resolve(),
      endsWorld: true,
      details: { path: path.join(' '), order: orders.join(', ') },
    };
  },
};

/** Where there is no Go, there is no 3.6 and no 3.7. */
function pathOf({ api }: Cell): readonly string[] {
  const available = availableEtcds().map(({ version }) => version);
  const there = NEWER.filter((series) => available.some((version) => isOfVersion(version, series)));
  return api === 'v2' ? there.slice(0, 1) : there;
}

async function upgradeTo(version: string, world: World, random: Random): Promise<string> {
  const { etcd } = world;
  if (world.cell.api === 'v3') await untilSnapshotted(world);
  const order = shuffled(etcd.members, random);
  etcd.useVersion(version);
  for (const member of order) {
    await member.kill();
    await linger(random, 50, 400);
    await member.start();
    const { etcdserver } = await served(member);
    if (!isOfVersion(etcdserver, version)) {
      throw new Error(`${member.name} was started as etcd ${version}, and serves ${etcdserver}`);
    }
    await untilServed(world);
  }
  // A member of the version after this one starts only once the cluster as a whole has moved on.
  await eventually(
    async () => {
      const [first] = await Promise.all(etcd.members.map(served));
      return first !== undefined && isOfVersion(first.etcdcluster, version);
    },
    { timeoutMs: 30_000 },
  );
  return order.map(({ name }) => name).join(' ');
}

/**
 * A newer version must not replay an older one's log from its start: 3.5.30 then takes the other members for removed ones, and 3.6
 * refuses entries in v2's format. A snapshot leaves them behind.
 */
async function untilSnapshotted({ etcd }: World): Promise<void> {
  for (let i = 0; i <= SNAPSHOT_COUNT; i += 1) await etcd.put('elsewhere', String(i));
}

/** The next member follows only once the cluster works again with this one, as one upgrades. */
async function untilServed({ etcd, outside }: World): Promise<void> {
  for (const { endpoint } of etcd.members) {
    await eventually(() => outside.held('/none/', { endpoint }), { timeoutMs: 20_000 });
  }
}

interface Served {
  readonly etcdserver: string;
  /** What the cluster as a whole is at: the oldest member's. */
  readonly etcdcluster: string;
}

async function served({ endpoint }: EtcdMember): Promise<Served> {
  return (await (await fetch(`${endpoint}/version`)).json()) as Served;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, place: random.next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
