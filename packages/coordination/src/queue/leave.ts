import type { Compare } from '@holdfast/store';
import { isUnknown } from '../errors.js';
import type { SessionContext } from '../life/context.js';
import type { Place } from './queue.js';

/** True as long as the key is the one that we wrote, and not another one of the same name. */
export function isOurs({ key, createRevision }: Place): Compare {
  return { key, target: 'createRevision', op: '=', value: createRevision };
}

/** Removes our key from a queue, and never another one. Resolves with whether it was still there. */
export async function leave(context: SessionContext, place: Place): Promise<boolean> {
  /** Attempts that may have removed it: their answer was lost, or has not come. */
  let open = 0;
  return context.insist(async (signal) => {
    const mayBeDone = open > 0;
    open += 1;
    try {
      const then = [{ type: 'delete', range: place.key }] as const;
      const { succeeded } = await context.store.txn({ if: [isOurs(place)], then }, { signal });
      return succeeded || mayBeDone;
    } catch (error) {
      if (!isUnknown(error)) open -= 1;
      throw error;
    }
  }, context.life.signal);
}
