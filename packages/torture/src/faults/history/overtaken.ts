import { rm } from 'node:fs/promises';
import type { Random } from '@holdfast/testkit';
import type { Fault } from '../../fault.js';
import type { World } from '../../world.js';
import { healed, meet } from './connection.js';
import { goOn, overtake, replaceHistory } from './replace-history.js';

/**
 * Another history by the same ids, which has grown past the revision that the mirrors know before they are back: neither an id nor
 * the head tells.
 */
export const overtaken: Fault = {
  kind: 'overtaken',
  appliesTo: () => true,

  async inject(world, random) {
    const { how, path, putBack } = await older(world, random);
    const { clusterId } = await world.etcd.leader().then((leader) => leader.status());
    await goOn(world, random);
    await meet(world, 'cut');
    const { before, after, lost } = await replaceHistory(world, putBack);
    await rm(path, { recursive: true, force: true });
    const restored = await world.etcd.leader().then((leader) => leader.status());
    if (restored.clusterId !== clusterId) throw new Error(`the cluster id should be ${clusterId} still`);
    const head = await overtake(world, before.revision);
    return {
      ...(await healed(world, random, 'cut')),
      replacesHistory: true,
      bound: 'relist',
      details: { how, from: before.revision, to: after.revision, overtakenBy: head, lost },
    };
  },
};

interface Older {
  readonly how: 'snapshot' | 'copy';
  readonly path: string;
  readonly putBack: () => Promise<void>;
}

/** A snapshot is restored with the raft term of a young store; a copy keeps the term too, and only its entries tell. */
async function older({ cell, etcd }: World, random: Random): Promise<Older> {
  // etcdctl's snapshots hold the v3 store alone.
  if (cell.api === 'v3' && random.chance(0.5)) {
    const path = await etcd.snapshot();
    return { how: 'snapshot', path, putBack: () => etcd.restore(path, { sameToken: true }) };
  }
  const path = await etcd.copyData();
  return { how: 'copy', path, putBack: () => etcd.useData(path) };
}
