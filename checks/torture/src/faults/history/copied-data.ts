import { rm } from 'node:fs/promises';
import type { Fault } from '../../fault.js';
import { clusterId, goOn, replaceHistory, type Return } from './replace-history.js';

/** An older copy of the data directories is put back: another history with the same cluster and member ids, and no lower raft term. */
export const copiedData: Fault = {
  kind: 'copied-data',
  appliesTo: () => true,

  async inject(world, random) {
    const comesBack = random.pick<Return>(['at-once', 'later']);
    const copy = await world.etcd.copyData();
    const before = await clusterId(world);
    await goOn(world, random);
    const { details, heal } = await replaceHistory(world, random, comesBack, () => world.etcd.useData(copy));
    await rm(copy, { recursive: true, force: true });
    const after = await clusterId(world);
    if (after !== before) throw new Error(`the cluster id of a copy changed from ${before} to ${after}`);
    return { heal, replacesHistory: true, bound: 'relist', details };
  },
};
