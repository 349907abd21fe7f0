import type { Proxy, Violation } from '@holdfast/testkit';
import { NotInjected, type Fault } from '../fault.js';
import { ForeignCluster } from '../foreign-cluster.js';
import type { World } from '../world.js';
import { linger, memberAt, pickMember } from './members.js';

/** What becomes of the two members that are what they were. */
type Others = 'up' | 'unreachable' | 'killed';

/**
 * A member that was bootstrapped anew, as a cluster of its own, answers at the endpoint of one of three, while the two others are up, can't
 * be reached, or are dead. They come back, and the foreign member is gone then, or goes on answering until everything has converged.
 */
export const foreignMember: Fault = {
  kind: 'foreign-member',
  appliesTo: ({ nodes }) => nodes === 3,
  async inject(world, random) {
    const index = pickMember(world, random);
    const others = random.pick<Others>(['unreachable', 'unreachable', 'killed', 'up']);
    const stays = random.chance(0.6);
    const foreign = await ForeignCluster.start(world.cell, random);
    const proxy = proxyAt(world, index);
    const before = proxy.totalConnections;
    const found: Violation[] = [];
    let isThere = true;
    const leave = async (): Promise<void> => {
      if (!isThere) return;
      isThere = false;
      found.push(...(await foreign.trespasses()));
      proxy.retarget(memberAt(world, index).endpoint);
      proxy.cut();
      await foreign.close();
    };
    try {
      proxy.retarget(foreign.endpoint);
      proxy.cut();
      await lose(world, index, others);
      const ms = await (others === 'up' ? linger(random, 300, 1_500) : linger(random, 1_500, 6_000));
      // Somebody must have come there: else nobody had to tell it from a member of the cluster.
      if (proxy.totalConnections === before) throw new NotInjected('nobody has come to the foreign member');
      return {
        heal: async () => {
          await bringBack(world, index, others);
          if (!stays) await leave();
        },
        strangers: stays ? [proxy] : [],
        verify: async () => {
          await leave();
          return found;
        },
        details: { member: memberAt(world, index).name, others, stays, keys: foreign.size, ms },
      };
    } catch (error) {
      await bringBack(world, index, others);
      await leave();
      throw error;
    }
  },
};

function proxyAt({ proxies }: World, index: number): Proxy {
  const proxy = proxies[index];
  if (proxy === undefined) throw new Error(`there is no proxy ${index}`);
  return proxy;
}

async function lose({ etcd, proxies }: World, index: number, others: Others): Promise<void> {
  if (others === 'killed') {
    await Promise.all(etcd.members.filter((_, place) => place !== index).map((member) => member.kill()));
  } else if (others === 'unreachable') {
    for (const [place, proxy] of proxies.entries()) {
      if (place === index) continue;
      proxy.refuse();
      proxy.cut();
    }
  }
}

async function bringBack({ etcd, proxies }: World, index: number, others: Others): Promise<void> {
  if (others === 'killed') {
    const dead = etcd.members.filter(({ state }, place) => place !== index && state !== 'running');
    await Promise.all(dead.map((member) => member.start()));
  } else if (others === 'unreachable') await Promise.all(proxies.map((proxy) => proxy.allow()));
}
