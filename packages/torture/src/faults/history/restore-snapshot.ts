import { rm } from 'node:fs/promises';
import type { Fault } from '../../fault.js';
import { healed, meet, type Meeting } from './connection.js';
import { goOn, replaceHistory } from './replace-history.js';

/** The store is restored from an older snapshot, as its documentation says: with a new token, so that its cluster id changes. */
export const restoreSnapshot: Fault = {
  kind: 'restore-snapshot',
  // etcdctl's snapshots hold the v3 store alone: nothing of v2 would be restored.
  appliesTo: ({ api }) => api === 'v3',

  async inject(world, random) {
    const meeting = random.pick<Meeting>(['connected', 'cut']);
    const snapshot = await world.etcd.snapshot();
    const { clusterId } = await world.etcd.leader().then((leader) => leader.status());
    await goOn(world, random);
    await meet(world, meeting);
    const { before, after, lost } = await replaceHistory(world, () => world.etcd.restore(snapshot));
    await rm(snapshot, { force: true });
    const restored = await world.etcd.leader().then((leader) => leader.status());
    if (restored.clusterId === clusterId) throw new Error(`restored by another token, with the same id ${clusterId}`);
    return {
      ...(await healed(world, random, meeting)),
      replacesHistory: true,
      bound: 'relist',
      details: { meeting, from: before.revision, to: after.revision, lost },
    };
  },
};
