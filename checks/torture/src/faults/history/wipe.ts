import { eventually } from '@holdfast/testkit';
import type { Fault } from '../../fault.js';
import { PREFIX } from '../../world.js';
import { clusterId, goOn, replaceHistory, type Return } from './replace-history.js';

/** The least revision for a wipe: a younger store's revision would not go down. */
const OLD_ENOUGH = 40;

/** All data is lost, and the store begins anew, with the same ids or with others. */
export const wipe: Fault = {
  kind: 'wipe',
  appliesTo: () => true,

  async inject(world, random) {
    const comesBack = random.pick<Return>(['at-once', 'later']);
    const sameToken = random.chance(0.5);
    await eventually(async () => (await world.outside.held(PREFIX)).revision >= OLD_ENOUGH, { timeoutMs: 30_000 });
    const before = await clusterId(world);
    await goOn(world, random);
    const replaced = await replaceHistory(world, random, comesBack, () => world.etcd.wipe({ sameToken }));
    const left = replaced.after.entries.size;
    if (left > 0) throw new Error(`wiped, and ${left} keys are left`);
    const after = await clusterId(world);
    if ((after === before) !== sameToken) throw new Error(`the same token: ${sameToken}; the id: ${before} → ${after}`);
    return { heal: replaced.heal, replacesHistory: true, bound: 'relist', details: { ...replaced.details, sameToken } };
  },
};
