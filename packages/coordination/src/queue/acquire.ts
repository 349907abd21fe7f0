import { abortable, sleep } from '@holdfast/store/adapter';
import type { SessionContext } from '../life/context.js';
import { enter, type Entered, type Entry } from './enter.js';
import { leaveAtLast } from './leave.js';
import { before, type Place, type Queue } from './queue.js';
import { waitForTurn } from './turn.js';

/** Our key is the first of its queue, at the revision of `queue`. */
export interface Acquired {
  readonly place: Place;
  readonly queue: Queue;
}

/** How long a call that was given up waits for its key to be removed. The removal goes on when the time is out. */
const TIDY_MS = 500;

/**
 * Enters a queue and waits for the first place in it. Where it does not come to that, it leaves nothing behind.
 *
 * @returns `undefined` where the entry was to be made only if nobody was there, and somebody was
 */
export async function acquire(
  context: SessionContext,
  entry: Entry,
  wanted: AbortSignal,
): Promise<Acquired | undefined> {
  for (;;) {
    const entered = await enterWhileWanted(context, entry, wanted);
    if (entered === undefined) return undefined;
    const { place, queue } = entered;
    if (entry.onlyIfFree && before(place, queue) !== undefined) {
      await tidied(context, leaveAtLast(context, place));
      return undefined;
    }
    let first: Queue | 'gone';
    try {
      first = await waitForTurn(context, entry.name, entered, wanted);
    } catch (error) {
      await tidied(context, leaveAtLast(context, place));
      throw error;
    }
    // Somebody removed our key. With the key, our turn is gone: again from the end of the queue.
    if (first !== 'gone') return { place, queue: first };
    context.giveBack(place.key);
  }
}

/** Enters, but waits no longer than it is wanted. The entry that is under way ends in the background, and is removed. */
async function enterWhileWanted(
  context: SessionContext,
  entry: Entry,
  wanted: AbortSignal,
): Promise<Entered | undefined> {
  const entering = enter(context, entry, wanted);
  const removed = async () => {
    const entered = await entering.catch(() => undefined);
    if (entered !== undefined) await leaveAtLast(context, entered.place);
  };
  try {
    return await abortable(entering, wanted);
  } catch (error) {
    if (wanted.aborted) await tidied(context, removed());
    throw error;
  }
}

/** Waits a moment for work in the background, so that the usual caller finds the store as it was. */
async function tidied(context: SessionContext, work: Promise<unknown>): Promise<void> {
  context.inBackground('the removal of a key from a queue', work);
  if (context.life.reason !== undefined) return;
  const late = new AbortController();
  const end = () => {
    late.abort();
  };
  work.then(end, end);
  await sleep(context.clock, TIDY_MS, late.signal).catch(() => undefined);
}
