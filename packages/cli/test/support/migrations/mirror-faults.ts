import { decodeUtf8 } from '@holdfast/store/adapter';
import { eventually } from '@holdfast/testkit';
import { type Arena, type Corner, pause, PREFIX } from './arena.js';

/** What the run of a fault leaves to count, beside losses. */
export interface Extra {
  /** Keys of the target that others have written: how they were, by key. */
  readonly foreign?: ReadonlyMap<string, string>;
  /** For each contender, more that is wrong, by its name. */
  readonly counts?: readonly Readonly<Record<string, number>>[];
}

const KEYS = 200;

async function eachCorner(arena: Arena, work: (corner: Corner) => Promise<void>): Promise<void> {
  await Promise.all(arena.corners.map(work));
}

/** Writes for a while. */
async function writeFor(arena: Arena, ms: number): Promise<void> {
  arena.startWriting(KEYS);
  await pause(ms);
  await arena.stopWriting();
}

/** Things that happen to who copies. Each begins when both follow, and ends when everything answers again. */
export const MIRROR_FAULTS: Readonly<Record<string, (arena: Arena) => Promise<Extra>>> = {
  'connections cut': async (arena) => {
    arena.startWriting(KEYS);
    for (let cut = 0; cut < 10; cut += 1) {
      await pause(200);
      for (const { sourceProxy, targetProxy } of arena.corners) {
        (cut % 2 === 0 ? sourceProxy : targetProxy).cut({ reset: true });
      }
    }
    await arena.stopWriting();
    return {};
  },
  'source killed and restarted': async (arena) => {
    arena.startWriting(KEYS);
    const [member] = arena.etcd.members;
    for (let kill = 0; kill < 2; kill += 1) {
      await pause(300);
      await member?.kill();
      await member?.start();
    }
    await pause(300);
    await arena.stopWriting();
    return {};
  },
  'target killed and restarted': async (arena) => {
    arena.startWriting(KEYS);
    for (let kill = 0; kill < 2; kill += 1) {
      await pause(300);
      await eachCorner(arena, async ({ etcd }) => {
        await etcd.members[0]?.kill();
        await pause(300);
        await etcd.members[0]?.start();
      });
    }
    await pause(300);
    await arena.stopWriting();
    return {};
  },
  'compaction while the source is out of reach': async (arena) => {
    for (const { sourceProxy } of arena.corners) {
      sourceProxy.refuse();
      sourceProxy.cut({ reset: true });
    }
    await writeFor(arena, 1_500);
    await arena.etcd.compact();
    await eachCorner(arena, async ({ sourceProxy }) => {
      await sourceProxy.allow();
    });
    return {};
  },
  'replicator killed and restarted': async (arena) => {
    arena.startWriting(KEYS);
    for (let kill = 0; kill < 5; kill += 1) {
      await pause(arena.random.between(200, 600));
      await eachCorner(arena, async ({ contender }) => {
        await contender.kill();
        contender.start();
      });
    }
    await arena.stopWriting();
    return {};
  },
  'keys deleted while no replicator runs': async (arena) => {
    await eachCorner(arena, ({ contender }) => contender.kill());
    for (let n = 0; n < 50; n += 1) await arena.source.delete({ key: `${PREFIX}k/${n}` });
    arena.startContenders();
    return {};
  },
  'writes of others at the target': async (arena) => {
    const foreign = new Map<string, string>();
    for (let n = 0; n < 10; n += 1) {
      // Nobody has these in the source yet.
      foreign.set(`${PREFIX}others/${n}`, 'theirs');
      await eachCorner(arena, async ({ target }) => {
        await target.put(`${PREFIX}others/${n}`, 'theirs');
      });
      await arena.source.put(`${PREFIX}others/${n}`, 'of the source');
    }
    return { foreign };
  },
  'leased keys, and their end while no replicator runs': async (arena) => {
    const { id } = await arena.source.leases.grant(5);
    const keys = Array.from({ length: 20 }, (_, n) => `${PREFIX}leased/${n}`);
    for (const key of keys) await arena.source.put(key, 'alive', { lease: id });
    await arena.caughtUp();
    const counts: Record<string, number>[] = [];
    for (const { target } of arena.corners) {
      const items = await Promise.all(keys.map((key) => target.get(key)));
      counts.push({ 'without a lease': items.filter((item) => item !== undefined && item.lease === undefined).length });
    }
    await eachCorner(arena, ({ contender }) => contender.kill());
    await arena.source.leases.revoke(id);
    // Until they have ended there too, where they have leases.
    await pause(8_000);
    for (const [n, { target }] of arena.corners.entries()) {
      const { items } = await target.list({ prefix: `${PREFIX}leased/` });
      counts[n] = { ...counts[n], 'outlive their application': items.length };
    }
    arena.startContenders();
    return { counts };
  },
  'transactions of 120 keys, read whole': (arena) => transactions(arena, false),
  'transactions of 120 keys, and replicators killed meanwhile': (arena) => transactions(arena, true),
  'source restored from an older backup': async (arena) => {
    const snapshot = await arena.etcd.snapshot();
    await writeFor(arena, 1_000);
    await arena.source.put(`${PREFIX}after the backup`, 'x');
    await arena.caughtUp();
    await arena.etcd.restore(snapshot);
    await eventually(() => arena.source.put(`${PREFIX}after the restore`, 'x'));
    return {};
  },
};

/** Reads at the target, all the time, that show a part of a transaction. */
async function transactions(arena: Arena, withKills: boolean): Promise<Extra> {
  const torn = arena.corners.map(() => 0);
  let isOver = false;
  const readers = arena.corners.map(async ({ target }, n) => {
    while (!isOver) {
      const { items } = await target.list({ prefix: `${PREFIX}txn/` });
      if (new Set(items.map(({ value }) => decodeUtf8(value))).size > 1) torn[n] = (torn[n] ?? 0) + 1;
    }
  });
  for (let round = 0; round < 200; round += 1) {
    // All keys are in each, so that they are the same at every revision.
    const ops = Array.from({ length: 120 }, (_, n) => ({
      type: 'put' as const,
      key: `${PREFIX}txn/${n}`,
      value: `${round}`,
    }));
    await arena.source.txn({ then: ops });
    if (withKills && round % 50 === 25) {
      await eachCorner(arena, async ({ contender }) => {
        await contender.kill();
        contender.start();
      });
    }
    await pause(5);
  }
  await arena.caughtUp();
  isOver = true;
  await Promise.all(readers);
  return { counts: torn.map((count) => ({ 'torn reads': count })) };
}
