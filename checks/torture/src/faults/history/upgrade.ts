import type { EtcdMember, Random } from '@holdfast/testkit';
import { availableEtcds, eventually, isOfVersion } from '@holdfast/testkit';
import type { Cell } from '../../cell.js';
import type { Fault } from '../../fault.js';
import { SNAPSHOT_COUNT } from '../../settings.js';
import type { World } from '../../world.js';
import { linger } from './linger.js';

// One version after another: etcd accepts the data of the previous minor version only.
const NEWER = ['3.5', '3.6', '3.7'] as const;

/**
 * The servers are upgraded from 3.4 on, version by version, on their data. Three members are upgraded one by one, in random order. The v2 API
 * ends with 3.5.
 */
export const upgrade: Fault = {
  kind: 'upgrade',
  appliesTo: ({ version }) => version === '3.4.23',

  async inject(world, random) {
    const path = pathOf(world.cell);
    const orders: string[] = [];
    for (const version of path) orders.push(await upgradeTo(version, world, random));
    // Data is never downgraded.
    return {
      heal: () => Promise.resolve(),
      endsWorld: true,
      details: { path: path.join(' '), order: orders.join(', ') },
    };
  },
};

/** The versions of the upgrade. Without Go, 3.6 and 3.7 are missing. */
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
  // A member of the next version starts only once the whole cluster has this version.
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
 * A newer version must not replay an older version's whole log: 3.5.30 then takes the other members for removed ones, and 3.6 refuses entries
 * in v2's format. After a snapshot, they are not replayed.
 */
async function untilSnapshotted({ etcd }: World): Promise<void> {
  for (let i = 0; i <= SNAPSHOT_COUNT; i += 1) await etcd.put('elsewhere', String(i));
}

/** Waits until the cluster works with the upgraded member, as an operator does before the next one. */
async function untilServed({ etcd, outside }: World): Promise<void> {
  for (const { endpoint } of etcd.members) {
    await eventually(() => outside.held('/none/', { endpoint }), { timeoutMs: 20_000 });
  }
}

interface Served {
  readonly etcdserver: string;
  /** The version of the whole cluster: the oldest member's. */
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
