import type { Compare, Txn, TxnResult } from '@holdfast/store';
import { sleep, type Backoff } from '@holdfast/store/adapter';
import { isPassing, isUnknown } from '../errors.js';
import { queuePrefix } from '../names.js';
import type { SessionContext } from '../life/context.js';
import { giveUpAtLast, givingUp, isWrittenBy, type Written } from './leave.js';
import { queueIn, readQueue, type Place, type Queue } from './queue.js';

/** What an attempt is about. */
export interface Entry {
  readonly name: string;
  readonly value: Uint8Array;
  /** Enter only if nobody is there. */
  readonly onlyIfFree: boolean;
}

/** A place in the queue, and the queue as it was at that revision. */
export interface Entered {
  readonly place: Place;
  readonly queue: Queue;
}

/**
 * Writes a key at the end of a queue. It settles only when it is known what the write did: a write whose answer was lost may land much
 * later, and would block the queue as long as the session lives.
 *
 * @param wanted where it aborts, the attempt is given up: what was written is removed
 * @returns `undefined` where the entry was to be made only if nobody was there, and somebody was
 * @throws StoreError the reason of `wanted` or of the session, and the store's refusals
 */
export async function enter(context: SessionContext, entry: Entry, wanted: AbortSignal): Promise<Entered | undefined> {
  let backoff: Backoff | undefined;
  let { onlyIfFree } = entry;
  for (;;) {
    wanted.throwIfAborted();
    const sentAfter = context.newest;
    const written = { ...context.newTicket(entry.name), sentAfter: sentAfter?.revision ?? 0 };
    const outcome = await attempt(context, { ...entry, onlyIfFree }, written, wanted);
    if (outcome === 'again') {
      backoff ??= context.backoff();
      await sleep(context.clock, backoff.next(), wanted);
      continue;
    }
    context.noteState(outcome.queue.bookmark, sentAfter);
    const { place, queue } = outcome;
    if (place !== undefined) return { place, queue };
    if (onlyIfFree && queue.places.length > 0) return undefined;
    // Only keys of names below this one were in the way, and they stand in other queues.
    onlyIfFree = false;
  }
}

interface Outcome {
  /** `undefined` if our key was not written, and never will be. */
  readonly place: Place | undefined;
  readonly queue: Queue;
}

async function attempt(
  context: SessionContext,
  entry: Entry,
  written: Written,
  wanted: AbortSignal,
): Promise<Outcome | 'again'> {
  try {
    const { succeeded, results } = await write(context, entry, written);
    const queue = queueIn(entry.name, results);
    if (!succeeded) {
      context.giveBack(written.key);
      return { place: undefined, queue };
    }
    return { place: { key: written.key, createRevision: queue.bookmark.revision, isAnswered: true }, queue };
  } catch (error) {
    if (isUnknown(error)) {
      const settled = await settleOrGiveUp(context, entry.name, written, wanted);
      if (settled !== undefined) return settled;
    }
    context.giveBack(written.key);
    if (isPassing(error)) return 'again';
    throw context.explained(error);
  }
}

/** The acquiring write. It is not aborted with its caller: its answer is the surest way to know what it did. */
function write(context: SessionContext, { name, value, onlyIfFree }: Entry, ticket: Written): Promise<TxnResult> {
  const nobody: Compare = { range: { prefix: queuePrefix(name) }, target: 'createRevision', op: '=', value: 0 };
  return context.write((limits) =>
    context.store.txn(
      {
        if: [absent(ticket.mark), absent(ticket.key), ...(onlyIfFree ? [nobody] : [])],
        then: [{ type: 'put', key: ticket.key, value, lease: context.lease }, readQueue(name)],
        else: [readQueue(name)],
      },
      limits,
    ),
  );
}

/** Where even the question is refused, the caller is told, and the attempt is given up as soon as that is possible. */
async function settleOrGiveUp(
  context: SessionContext,
  name: string,
  written: Written,
  wanted: AbortSignal,
): Promise<Outcome | undefined> {
  let isSettled = false;
  try {
    const settled = await settle(context, name, written, wanted);
    isSettled = true;
    return settled;
  } catch (error) {
    isSettled = error === wanted.reason;
    throw error;
  } finally {
    if (!isSettled && context.life.reason === undefined)
      context.inBackground('the end of an attempt to enter a queue', giveUpAtLast(context, written));
  }
}

/**
 * Finds out what a write did whose answer was lost, in one transaction: either its key is there, or the mark is written that keeps it from
 * ever landing. Where nobody waits any more, the key is removed too. A key that was there before the write was sent is another one's, and stays.
 */
async function settle(
  context: SessionContext,
  name: string,
  written: Written,
  wanted: AbortSignal,
): Promise<Outcome | undefined> {
  const { key, mark } = written;
  const isThere = isWrittenBy(written);
  const put = { type: 'put', key: mark, value: '', lease: context.lease } as const;
  const question: Txn = { if: [isThere], then: [readQueue(name)], else: [put] };
  const { succeeded, results } = await context.insist(
    (signal) => context.store.txn(wanted.aborted ? givingUp(context, written) : question, { signal }),
    context.life.over,
  );
  if (wanted.aborted) {
    // The wait may have ended while the question was under way: then the key may still be there.
    const removal: Txn = { if: [isThere], then: [{ type: 'delete', range: key }] };
    await context.insist((signal) => context.store.txn(removal, { signal }), context.life.over);
    context.giveBack(key);
    throw wanted.reason;
  }
  const queue = succeeded ? queueIn(name, results) : undefined;
  const own = queue?.places.find((place) => place.key === key);
  if (queue === undefined || own === undefined) return undefined;
  return { place: { key, createRevision: own.createRevision, isAnswered: false }, queue };
}

function absent(key: string): Compare {
  return { key, target: 'createRevision', op: '=', value: 0 };
}
