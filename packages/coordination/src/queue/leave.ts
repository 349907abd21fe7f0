import type { Compare } from '@holdfast/store';
import type { SessionContext } from '../life/context.js';
import type { Place } from './queue.js';

/** True as long as the key is the one that we wrote, and not another one of the same name. */
export function isOurs({ key, createRevision }: Place): Compare {
  return { key, target: 'createRevision', op: '=', value: createRevision };
}

/** Removes our key from a queue, and never another one. Resolves with whether it was still there. */
export async function leave(context: SessionContext, place: Place): Promise<boolean> {
  let wasTried = false;
  const { succeeded } = await context.insist((signal) => {
    const again = wasTried;
    wasTried = true;
    return (
      context.store
        .txn({ if: [isOurs(place)], then: [{ type: 'delete', range: place.key }] }, { signal })
        // A first attempt whose answer was lost may have removed it.
        .then(({ succeeded }) => ({ succeeded: succeeded || again }))
    );
  }, context.life.signal);
  return succeeded;
}
