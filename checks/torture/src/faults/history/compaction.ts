import { eventually, type Random } from '@holdfast/testkit';
import { NotInjected, type Fault, type Injection } from '../../fault.js';
import { COLLECTION_B } from '../../keys.js';
import { goodText } from '../../values.js';
import { PREFIX, type World } from '../../world.js';
import { linger } from './linger.js';
import { overrun } from './overrun.js';

/** The mirrors' state when history is compacted up to its head: they follow, are cut off, or get their events late. */
type Moment = 'connected' | 'cut' | 'stalled' | 'catching-up';

/** More than etcd sends at a time to a watch that is behind: 1,000 revisions, and the next ones 100 ms later. */
const BACKLOG = { least: 1_050, most: 1_250 };

/** Compaction at the head: a mirror that is behind can't follow any more. */
export const compaction: Fault = {
  kind: 'compaction',
  appliesTo: () => true,

  async inject(world, random) {
    // v2 has no compaction. Its history is the last 1,000 events, so the same happens by itself.
    if (world.cell.api === 'v2') return overrun(world, random);
    const moment = random.pick<Moment>(['connected', 'cut', 'stalled', 'catching-up']);
    const injection = await moments[moment](world, random);
    const bound = moment === 'connected' ? {} : ({ bound: 'relist' } as const);
    return { ...injection, ...bound, details: { moment, ...injection.details } };
  },
};

const moments: Record<Moment, (world: World, random: Random) => Promise<Injection>> = {
  async connected(world, random) {
    await linger(random, 50, 300);
    const revision = await compact(world);
    return { heal: () => Promise.resolve(), details: { revision } };
  },

  async cut(world, random) {
    await world.disconnect();
    await linger(random, 200, 1_000);
    const revision = await compact(world);
    await expectBehind(world, revision);
    await linger(random, 0, 300);
    return { heal: () => world.connect(), details: { revision } };
  },

  // The network holds back sent events: the servers' watches are up to date, but the mirrors are not.
  async stalled(world, random) {
    for (const proxy of world.proxies) proxy.stall('toClient');
    await linger(random, 200, 700);
    const revision = await compact(world);
    await expectBehind(world, revision);
    return { heal: () => world.connect(), details: { revision } };
  },

  // The servers have not sent the events yet: the watches are compacted away in the middle of their backlog, or just after it.
  async 'catching-up'(world, random) {
    await world.disconnect();
    const backlog = random.between(BACKLOG.least, BACKLOG.most);
    await writeBacklog(world, backlog);
    await expectBehind(world, await world.etcd.revision());
    await world.connect();
    const delay = await linger(random, 0, 150);
    const revision = await compact(world);
    return { heal: () => Promise.resolve(), details: { revision, backlog, delay } };
  },
};

/** Compacts up to the head, between two writes, and checks that it happened. */
async function compact(world: World): Promise<number> {
  await world.writers.pause();
  try {
    await world.truth.catchUp();
    const revision = await eventually(() => world.etcd.compact());
    const past = world.api('kv/range', { key: btoa(PREFIX), revision: String(revision - 1) });
    const refusal = await past.then(
      () => 'it is still readable',
      (error: unknown) => String(error),
    );
    if (!refusal.includes('compacted')) {
      await world.connect();
      throw new NotInjected(`revision ${revision - 1} should be compacted: ${refusal}`);
    }
    return revision;
  } finally {
    world.writers.resume();
  }
}

async function expectBehind(world: World, revision: number): Promise<void> {
  if (world.mirrors.every(({ mirror }) => mirror.revision < revision)) return;
  await world.connect();
  throw new NotInjected(`a mirror had seen revision ${revision} already`);
}

/** Writes this many revisions below the mirrored prefix. */
async function writeBacklog(world: World, revisions: number): Promise<void> {
  let left = revisions;
  const lane = async (number: number): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const value = goodText({ n: left, epoch: 0 });
      await eventually(() => world.direct.put(`${COLLECTION_B}backlog/${number}`, value));
    }
  };
  await Promise.all(Array.from({ length: 32 }, (_, number) => lane(number)));
}
