import { rm } from 'node:fs/promises';
import type { Random } from '@holdfast/testkit';
import type { Fault } from '../../fault.js';
import type { World } from '../../world.js';
import { clusterId, goOn, overtake, replaceHistory } from './replace-history.js';

/**
 * Another history with the same ids, which has grown past the mirrors' revision before they are back: neither an id nor the head shows it.
 */
export const overtaken: Fault = {
  kind: 'overtaken',
  appliesTo: () => true,

  async inject(world, random) {
    const { how, path, putBack } = await older(world, random);
    const id = await clusterId(world);
    await goOn(world, random);
    const { before, details, heal } = await replaceHistory(world, random, 'later', putBack);
    await rm(path, { recursive: true, force: true });
    const after = await clusterId(world);
    if (after !== id) throw new Error(`the cluster id changed from ${id} to ${after}`);
    const overtakenBy = await overtake(world, before.revision);
    return { heal, replacesHistory: true, bound: 'relist', details: { ...details, how, overtakenBy } };
  },
};

interface Older {
  readonly how: 'snapshot' | 'copy';
  readonly path: string;
  readonly putBack: () => Promise<void>;
}

/** A restored snapshot has the raft term of a young store. A copy keeps the term too, so only its entries differ. */
async function older({ cell, etcd }: World, random: Random): Promise<Older> {
  // etcdctl's snapshots hold only the v3 store.
  if (cell.api === 'v3' && random.chance(0.5)) {
    const path = await etcd.snapshot();
    return { how: 'snapshot', path, putBack: () => etcd.restore(path, { sameToken: true }) };
  }
  const path = await etcd.copyData();
  return { how: 'copy', path, putBack: () => etcd.useData(path) };
}
