import { eventually, type Balancer, type Random, type Violation } from '@holdfast/testkit';
import { NotInjected, type Fault, type Injection } from '../fault.js';
import { ForeignCluster } from '../foreign-cluster.js';
import type { World } from '../world.js';
import { expectNoRead, linger, memberAt } from './members.js';

const SOON = { timeoutMs: 20_000 };

/** One name stands in front of three members, and one of these is not what the store under test needs, though connections to it work. */
export const loadBalancer: Fault = {
  kind: 'load-balancer',
  world: 'balanced',
  appliesTo: ({ nodes }) => nodes === 3,
  inject: (world, random) => (random.chance(0.5) ? partitioned(world, random) : bootstrappedAnew(world, random)),
};

/**
 * The member that the store under test is connected to is cut off from its peers, and stays so until mirrors have converged. The connection
 * itself never breaks: the store has to leave it, and to connect again until the balancer leads it elsewhere.
 */
async function partitioned(world: World, random: Random): Promise<Injection> {
  const balancer = balancerOf(world);
  const { links } = world;
  if (links === undefined) throw new Error('a cluster of one has no links');
  const place = world.proxies.findIndex((_, index) => balancer.connectionsTo(index) > 0);
  if (place < 0) throw new NotInjected('the store is connected to no member');
  links.isolate(place);
  try {
    const others = [...world.proxies.keys()].filter((index) => index !== place);
    await eventually(() => others.every((other) => links.connectionsBetween(place, other) === 0), SOON);
    await expectNoRead(world, memberAt(world, place));
  } catch (error) {
    links.heal();
    throw error;
  }
  // Something is written that the member does not hear of.
  const ms = await linger(random, 200, 1_500);
  return {
    heal: () => Promise.resolve(),
    cleanUp: () => {
      links.heal();
      return Promise.resolve();
    },
    bound: 'leaderless',
    details: { how: 'partitioned', member: memberAt(world, place).name, ms },
  };
}

/** A member was bootstrapped anew, as a cluster of its own, and the balancer leads every third connection to it. */
async function bootstrappedAnew(world: World, random: Random): Promise<Injection> {
  const balancer = balancerOf(world);
  const place = random.below(world.proxies.length);
  const proxy = world.proxies[place];
  if (proxy === undefined) throw new Error(`there is no proxy ${place}`);
  const foreign = await ForeignCluster.start(world.cell, random);
  const before = proxy.totalConnections;
  const found: Violation[] = [];
  const leave = async (): Promise<void> => {
    found.push(...(await foreign.trespasses()));
    proxy.retarget(memberAt(world, place).endpoint);
    proxy.cut();
    await foreign.close();
  };
  try {
    proxy.retarget(foreign.endpoint);
    proxy.cut();
    const cuts = random.between(1, 6);
    let ms = 0;
    for (let cut = 0; cut < cuts; cut += 1) {
      // Each time that connections end, new ones go on in the balancer's order.
      balancer.cut();
      ms += await linger(random, 100, 900);
    }
    if (proxy.totalConnections === before) throw new NotInjected('nobody has come to the foreign member');
    return {
      heal: () => Promise.resolve(),
      strangers: [proxy],
      verify: async () => {
        await leave();
        return found;
      },
      details: { how: 'bootstrapped anew', member: memberAt(world, place).name, cuts, keys: foreign.size, ms },
    };
  } catch (error) {
    await leave();
    throw error;
  }
}

function balancerOf({ balancer }: World): Balancer {
  if (balancer === undefined) throw new Error('this world has no balancer');
  return balancer;
}
