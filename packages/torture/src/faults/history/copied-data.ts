import { rm } from 'node:fs/promises';
import type { Fault } from '../../fault.js';
import { healed, meet, type Meeting } from './connection.js';
import { goOn, replaceHistory } from './replace-history.js';

/** An older copy of the data directories is put back: another history by the same cluster and member ids, and a raft term not lower. */
export const copiedData: Fault = {
  kind: 'copied-data',
  appliesTo: () => true,

  async inject(world, random) {
    const meeting = random.pick<Meeting>(['connected', 'cut']);
    const copy = await world.etcd.copyData();
    const { clusterId } = await world.etcd.leader().then((leader) => leader.status());
    await goOn(world, random);
    await meet(world, meeting);
    const { before, after, lost } = await replaceHistory(world, () => world.etcd.useData(copy));
    await rm(copy, { recursive: true, force: true });
    const restored = await world.etcd.leader().then((leader) => leader.status());
    if (restored.clusterId !== clusterId) throw new Error(`the cluster id of a copy changed from ${clusterId}`);
    return {
      ...(await healed(world, random, meeting)),
      replacesHistory: true,
      bound: 'relist',
      details: { meeting, from: before.revision, to: after.revision, lost },
    };
  },
};
