import { rm } from 'node:fs/promises';
import type { Fault } from '../../fault.js';
import { clusterId, goOn, replaceHistory, type Return } from './replace-history.js';

/** The store is restored from an older snapshot, as etcd's documentation says: with a new token, so that its cluster id changes. */
export const restoreSnapshot: Fault = {
  kind: 'restore-snapshot',
  // etcdctl's snapshots hold only the v3 store: no v2 data would be restored.
  appliesTo: ({ api }) => api === 'v3',

  async inject(world, random) {
    const comesBack = random.pick<Return>(['at-once', 'later']);
    const snapshot = await world.etcd.snapshot();
    const before = await clusterId(world);
    await goOn(world, random);
    const { details, heal } = await replaceHistory(world, random, comesBack, () => world.etcd.restore(snapshot));
    await rm(snapshot, { force: true });
    const after = await clusterId(world);
    if (after === before) throw new Error(`restored by another token, with the same id ${before}`);
    return { heal, replacesHistory: true, bound: 'relist', details };
  },
};
