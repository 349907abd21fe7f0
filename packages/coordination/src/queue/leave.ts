import type { Compare } from '@holdfast/store';
import { isUnknown } from '../errors.js';
import type { Ticket } from '../names.js';
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
  const wasThere = await context.insistOnWrite(async (limits) => {
    const mayBeDone = open > 0;
    open += 1;
    try {
      const then = [{ type: 'delete', range: place.key }] as const;
      const { succeeded, revision } = await context.store.txn({ if: [isOurs(place)], then }, limits);
      context.noteRevision(revision);
      return succeeded || mayBeDone;
    } catch (error) {
      if (!isUnknown(error)) open -= 1;
      throw error;
    }
  }, context.life.over);
  // What may still land is for this create revision only.
  context.reuse(place.key);
  return wasThere;
}

/** Removes our key, however often that is refused: rights may come back, and until then the key keeps everybody behind it waiting. */
export function leaveAtLast(context: SessionContext, place: Place): Promise<boolean> {
  return context.persist(() => leave(context, place));
}

/** Gives up an attempt of which nobody knows what its write did: the mark keeps it from landing, and what has landed is removed. */
export function giveUpAtLast(context: SessionContext, { key, mark }: Ticket): Promise<unknown> {
  const then = [
    { type: 'put', key: mark, value: '', lease: context.lease },
    { type: 'delete', range: key },
  ] as const;
  return context.persist(() => context.insist((signal) => context.store.txn({ then }, { signal }), context.life.over));
}
