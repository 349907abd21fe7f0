import { eventually } from '@holdfast/testkit';
import type { Fault } from '../../fault.js';
import { PREFIX } from '../../world.js';
import { healed, meet, type Meeting } from './connection.js';
import { goOn, replaceHistory } from './replace-history.js';

/** A store that has just begun is nearly as old as an empty one is: a wipe of it would not lower its revision. */
const OLD_ENOUGH = 40;

/** All data is lost, and the store begins anew: by the same ids or by others. */
export const wipe: Fault = {
  kind: 'wipe',
  appliesTo: () => true,

  async inject(world, random) {
    const meeting = random.pick<Meeting>(['connected', 'cut']);
    const sameToken = random.chance(0.5);
    const { clusterId } = await world.etcd.leader().then((leader) => leader.status());
    await eventually(async () => (await world.outside.held(PREFIX)).revision >= OLD_ENOUGH);
    await goOn(world, random);
    await meet(world, meeting);
    const { before, after, lost } = await replaceHistory(world, () => world.etcd.wipe({ sameToken }));
    const wiped = await world.etcd.leader().then((leader) => leader.status());
    if ((wiped.clusterId === clusterId) !== sameToken)
      throw new Error(`same token ${sameToken}, yet ${wiped.clusterId}`);
    if (after.entries.size > 0) throw new Error(`wiped, and ${after.entries.size} keys are left`);
    return {
      ...(await healed(world, random, meeting)),
      replacesHistory: true,
      bound: 'relist',
      details: { meeting, sameToken, from: before.revision, to: after.revision, lost },
    };
  },
};
