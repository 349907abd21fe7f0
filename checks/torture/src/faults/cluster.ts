import { eventually, type EtcdMember, type MemberLinks } from '@holdfast/testkit';
import { NotInjected, type Fault } from '../fault.js';
import type { World } from '../world.js';
import { beaconAt, expectNoAnswer, expectNoRead, linger, memberAt, pickMember, putAt } from './members.js';

const SOON = { timeoutMs: 20_000 };
const isCluster: Fault['appliesTo'] = ({ nodes }) => nodes === 3;

/** The leader is killed while all writers run, and the others elect a new one. It comes back afterwards. */
export const leaderKill: Fault = {
  kind: 'leader-kill',
  appliesTo: isCluster,
  async inject(world) {
    const leader = await world.etcd.leader();
    const connected = (world.proxies[world.etcd.members.indexOf(leader)]?.connections ?? 0) > 0;
    await leader.kill();
    await expectNoAnswer(leader);
    // The cluster heals itself: convergence counts from the first read that the new leader answers.
    return {
      heal: () => Promise.resolve(),
      cleanUp: () => leader.start(),
      details: { member: leader.name, connected },
    };
  },
};

/** Two of three members are killed or stopped: no write or linearizable read succeeds until they are back. */
export const quorumLoss: Fault = {
  kind: 'quorum-loss',
  appliesTo: isCluster,
  async inject(world, random) {
    const left = pickMember(world, random);
    const lost = world.etcd.members.filter((_, index) => index !== left);
    const kills = random.chance(0.5);
    if (kills) await Promise.all(lost.map((member) => member.kill()));
    else for (const member of lost) member.pause();
    const heal = async (): Promise<void> => {
      if (kills) await Promise.all(lost.map((member) => member.start()));
      else for (const member of lost) member.resume();
    };
    try {
      await expectNoRead(world, memberAt(world, left));
    } catch (error) {
      await heal();
      throw error;
    }
    const ms = await linger(random, 200, 1_500);
    return { heal, details: { left: memberAt(world, left).name, kills, ms } };
  },
};

/** Members can't reach each other: one is cut off from both others, or two from each other while the third reaches both. */
export const partition: Fault = {
  kind: 'partition',
  appliesTo: isCluster,
  async inject(world, random) {
    const links = linksOf(world);
    const one = random.chance(0.3) ? world.etcd.members.indexOf(await world.etcd.leader()) : pickMember(world, random);
    const isolates = random.chance(0.7);
    const others = [1, 2].map((step) => (one + step) % 3);
    const cutOff = isolates ? others : [random.pick([others[0] ?? 0, others[1] ?? 0])];
    for (const other of cutOff) links.cut(one, other);
    const heal = (): Promise<void> => {
      links.heal();
      return Promise.resolve();
    };
    try {
      await eventually(() => cutOff.every((other) => links.connectionsBetween(one, other) === 0), SOON);
      if (isolates) await expectNoRead(world, memberAt(world, one));
    } catch (error) {
      await heal();
      throw error;
    }
    const ms = await linger(random, 300, 2_500);
    if (cutOff.some((other) => links.connectionsBetween(one, other) > 0)) {
      await heal();
      throw new NotInjected('members that are cut off from each other have a connection');
    }
    return { heal, details: { member: memberAt(world, one).name, isolates, ms } };
  },
};

/** A follower that is behind the others, and the only one that the store under test can reach. */
export const laggingFollower: Fault = {
  kind: 'lagging-follower',
  appliesTo: isCluster,
  async inject(world, random) {
    const { etcd, proxies } = world;
    const leader = await etcd.leader();
    const behind = random.pick(followersOf(etcd.members, leader));
    const index = etcd.members.indexOf(behind);
    const lag = random.chance(0.5) ? isolated(world, index) : stopped(behind);
    const connections = proxies[index]?.totalConnections ?? 0;
    const had = proxies[index]?.connections ?? 0;
    const others = proxies.filter((_, place) => place !== index);
    for (const proxy of others) {
      proxy.refuse();
      proxy.cut();
    }
    const undo = async (): Promise<void> => {
      await lag.undo();
      await Promise.all(others.map((proxy) => proxy.allow()));
    };
    const ms = await linger(random, 500, 1_500);
    await write(world, leader, random.below(600));
    const cameThere = had > 0 || (proxies[index]?.totalConnections ?? 0) > connections;
    const ahead = await beaconAt(world, leader);
    if (!cameThere || !(await lag.behindAt(ahead))) {
      await undo();
      throw new NotInjected(cameThere ? `${behind.name} is not behind ${ahead}` : `nobody came to ${behind.name}`);
    }
    const alone = random.between(0, 400);
    return {
      heal: async () => {
        await lag.undo();
        // It catches up while it is still the only reachable member.
        await new Promise((resolve) => setTimeout(resolve, alone));
        await Promise.all(others.map((proxy) => proxy.allow()));
      },
      details: { member: behind.name, how: lag.how, ms, alone },
    };
  },
};

interface Lag {
  readonly how: string;
  undo(): Promise<void>;
  /** Whether it is behind that revision. */
  behindAt(revision: number): Promise<boolean>;
}

/** A running member that hears nothing from the others. */
function isolated(world: World, index: number): Lag {
  const links = linksOf(world);
  links.isolate(index);
  return {
    how: 'isolated',
    undo: () => {
      links.heal();
      return Promise.resolve();
    },
    behindAt: async (revision) => (await beaconAt(world, memberAt(world, index))) < revision,
  };
}

/** A stopped member, which therefore can't advance. */
function stopped(member: EtcdMember): Lag {
  member.pause();
  return {
    how: 'paused',
    undo: () => {
      member.resume();
      return Promise.resolve();
    },
    behindAt: async () =>
      (await expectNoAnswer(member).then(
        () => true,
        () => false,
      )) && member.state === 'paused',
  };
}

/** Writes this many more revisions, at the leader. */
async function write(world: World, leader: EtcdMember, revisions: number): Promise<void> {
  let left = revisions;
  const lane = async (number: number): Promise<void> => {
    for (; left > 0; left -= 1) {
      const value = String(left);
      await eventually(() => putAt(world, leader, `/t/a/lag${number}`, value), SOON);
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, number) => lane(number)));
}

function followersOf(members: readonly EtcdMember[], leader: EtcdMember): [EtcdMember, ...EtcdMember[]] {
  const [first, ...others] = members.filter((member) => member !== leader);
  if (first === undefined) throw new Error('a cluster of one has no followers');
  return [first, ...others];
}

function linksOf({ links }: World): MemberLinks {
  if (links === undefined) throw new Error('a cluster of one has no links');
  return links;
}
