import type { EtcdMember, Random } from '@holdfast/testkit';
import { eventually } from '@holdfast/testkit';
import type { Fault } from '../../fault.js';
import type { World } from '../../world.js';
import { linger } from './linger.js';

const NEWER = '3.5.16';

/** The servers are upgraded from 3.4 to 3.5 on the data that they have; with three members one by one, in any order. */
export const upgrade: Fault = {
  kind: 'upgrade',
  appliesTo: ({ version }) => version === '3.4.23',

  async inject(world, random) {
    const { etcd } = world;
    const order = shuffled(etcd.members, random);
    etcd.useVersion(NEWER);
    for (const member of order) {
      await member.kill();
      await linger(random, 50, 400);
      await member.start();
      const serves = await servedVersion(member);
      if (serves !== NEWER) throw new Error(`${member.name} was started as etcd ${NEWER}, and serves ${serves}`);
      await untilServed(world);
    }
    // Data is never taken back to an older version.
    return {
      heal: () => Promise.resolve(),
      endsWorld: true,
      details: { order: order.map(({ name }) => name).join(' ') },
    };
  },
};

/** The next member follows only once the cluster works again with this one, as one upgrades. */
async function untilServed({ etcd, outside }: World): Promise<void> {
  for (const { endpoint } of etcd.members) {
    await eventually(() => outside.held('/none/', { endpoint }), { timeoutMs: 20_000 });
  }
}

async function servedVersion({ endpoint }: EtcdMember): Promise<string> {
  const answer = (await (await fetch(`${endpoint}/version`)).json()) as { readonly etcdserver: string };
  return answer.etcdserver;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, place: random.next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
