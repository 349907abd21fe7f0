import { isStoreError } from '@holdfast/store';
import type { Random } from '@holdfast/testkit';
import { NotInjected, type Injection } from '../fault.js';
import { linger } from '../faults/members.js';
import { PREFIX } from '../world.js';
import type { StoreFault } from './store-fault.js';
import type { StorePlace } from './store-place.js';
import type { StoreWorld } from './store-world.js';

/**
 * Compaction at the head, while mirrors follow or can't reach the store.
 *
 * @param away takes the store under test away, where that is possible
 */
export function compaction<P extends StorePlace>(
  appliesTo: StoreFault['appliesTo'],
  away?: (world: StoreWorld<P>, random: Random) => Promise<Pick<Injection, 'heal'>>,
): StoreFault<StoreWorld<P>> {
  return {
    kind: 'compaction',
    appliesTo,
    async inject(world, random) {
      const moment = random.pick(['connected', 'away'] as const);
      if (away === undefined || moment === 'connected') {
        await linger(random, 50, 300);
        const revision = await compact(world);
        // A watch of these stores reads the history itself, when it is told or by polls. The compaction may come before it has read the last writes.
        return { heal: () => Promise.resolve(), bound: 'relist', details: { moment: 'connected', revision } };
      }
      const { heal } = await away(world, random);
      const revision = await compact(world);
      if (world.mirrors.some(({ name, mirror }) => name !== 'key' && mirror.revision >= revision)) {
        await heal();
        throw new NotInjected(`a mirror had seen revision ${revision} already`);
      }
      return { heal, bound: 'relist', details: { moment, revision } };
    },
  };
}

/** Compacts up to the head, between two writes, and checks that it happened. */
async function compact<P extends StorePlace>({ writers, truth, direct }: StoreWorld<P>): Promise<number> {
  await writers.pause();
  try {
    await truth.catchUp();
    const { revision } = await direct.status();
    await direct.compact(revision, { physical: true });
    const past = direct.list({ prefix: PREFIX }, { revision: revision - 1 });
    const refusal = await past.then(
      () => 'it is still readable',
      (error: unknown) => (isStoreError(error) ? error.code : String(error)),
    );
    if (refusal !== 'compacted') throw new NotInjected(`revision ${revision - 1} should be compacted: ${refusal}`);
    return revision;
  } finally {
    writers.resume();
  }
}
