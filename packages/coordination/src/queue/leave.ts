import type { Compare, Txn } from '@holdfast/store';
import { quoted } from '@holdfast/store/adapter';
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
  /** Since the first answer. After it, another place may have the key: a later answer is no reason to give that back. */
  let isGone = false;
  return context.insistOnWrite(async (limits) => {
    const mayBeDone = open > 0;
    open += 1;
    try {
      const then = [{ type: 'delete', range: place.key }] as const;
      const { succeeded, revision } = await context.store.txn({ if: [isOurs(place)], then }, limits);
      context.noteRevision(revision);
      if (!isGone) {
        isGone = true;
        context.giveBack(place.key);
        // At most one transaction ever removes the key of a place, and what may still land for the place is for this create revision only.
        if (succeeded && place.isAnswered) context.reuse(place.key);
      }
      return succeeded || mayBeDone;
    } catch (error) {
      if (!isUnknown(error)) open -= 1;
      throw error;
    }
  }, context.life.over);
}

/** Removes our key, however often that is refused: rights may come back, and until then the key keeps everybody behind it waiting. */
export function leaveAtLast(context: SessionContext, place: Place): Promise<boolean> {
  return context.persist(`the removal of key ${quoted(place.key)} from its queue`, () => leave(context, place));
}

/** A write of a key that may have no answer. */
export interface Written extends Ticket {
  /** The newest revision that was known as it was sent: a key that was created by then is another one's. */
  readonly sentAfter: number;
}

/** True as long as there is a key that this write can have created. */
export function isWrittenBy({ key, sentAfter }: Written): Compare {
  return { key, target: 'createRevision', op: '>', value: sentAfter };
}

/** Gives up a write of which nobody knows what it did: the mark keeps it from landing, and the key is removed if it has landed. */
export function givingUp(context: SessionContext, written: Written): Txn {
  const mark = { type: 'put', key: written.mark, value: '', lease: context.lease } as const;
  return { if: [isWrittenBy(written)], then: [mark, { type: 'delete', range: written.key }], else: [mark] };
}

/** The same, however often that is refused. */
export async function giveUpAtLast(context: SessionContext, written: Written): Promise<void> {
  const txn = givingUp(context, written);
  await context.persist(`the removal of key ${quoted(written.key)}, whose write had no answer,`, () =>
    context.insist((signal) => context.store.txn(txn, { signal }), context.life.over),
  );
  context.giveBack(written.key);
}
