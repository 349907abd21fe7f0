import { isStoreError, StoreError, type Bookmark, type ConfigStore, type WatchBatch } from '@holdfast/store';
import { abortable, sleep } from '@holdfast/store/adapter';
import { sessionLost } from '../errors.js';
import { queuePrefix } from '../names.js';
import type { SessionContext } from '../life/context.js';
import type { Entered } from './enter.js';
import { WatchTrouble } from '../util/watch-trouble.js';
import { before, queueOf, type Queue } from './queue.js';

/**
 * Waits until a place is the first of its queue. It watches the one key before it: with a hundred waiters, each change wakes one.
 *
 * @returns the queue in which it is the first; `'gone'` if the place was removed by somebody else
 * @throws StoreError the reason of `wanted`, and the store's refusals
 */
export async function waitForTurn(
  context: SessionContext,
  name: string,
  { place, queue }: Entered,
  wanted: AbortSignal,
): Promise<Queue | 'gone'> {
  let trouble: WatchTrouble | undefined;
  let present = queue;
  for (;;) {
    wanted.throwIfAborted();
    const previous = before(place, present);
    if (previous === undefined) return present;
    if (previous === 'gone') return 'gone';
    trouble ??= new WatchTrouble(context.clock, context.backoff());
    await waitForDelete(context, previous.key, present.bookmark, { wanted, trouble });
    // The one before may have given up, with others still before it. Only the queue itself can tell.
    present = queueOf(name, await context.listNow({ prefix: queuePrefix(name) }, wanted));
  }
}

/** Waits until a key was deleted, or until that can only be told by reading again. */
async function waitForDelete(
  context: SessionContext,
  key: string,
  after: Bookmark,
  { wanted, trouble }: { readonly wanted: AbortSignal; readonly trouble: WatchTrouble },
): Promise<void> {
  try {
    await nextDelete(context.store, key, after, wanted);
    trouble.over();
  } catch (error) {
    wanted.throwIfAborted();
    if (isStoreError(error, 'compacted')) return;
    if (isStoreError(error, 'history-changed')) {
      context.life.end(sessionLost('the history that the session belongs to is gone', error));
    }
    wanted.throwIfAborted();
    await sleep(context.clock, trouble.pauseAfter(error), wanted);
  }
}

/**
 * Resolves with the first delete of a key after a bookmark. Rejects as its watch ends, and once the watch has a connection again after it lost
 * one: the store may have been put back meanwhile, and has overtaken the bookmark. The key may never have been in that history, so that no delete comes.
 */
export async function nextDelete(store: ConfigStore, key: string, after: Bookmark, signal: AbortSignal): Promise<void> {
  const watch = store.watch({ key }, { after, only: 'delete', signal });
  watch.ready.catch(() => undefined);
  let lost: StoreError | undefined;
  let end: StoreError | undefined;
  watch.onState((state) => {
    if (state.status === 'interrupted') lost = state.cause;
    if (state.status !== 'live' || lost === undefined) return;
    end = reconnected(lost);
    watch.close().catch(() => undefined);
  });
  const batches = watch[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next: IteratorResult<WatchBatch, unknown> = await abortable(batches.next(), signal);
      if (end !== undefined) throw end;
      if (next.done === true || next.value.events.length > 0) return;
    }
  } finally {
    // Not awaited: a server that does not answer must not hold up who was waiting.
    watch.close().catch(() => undefined);
  }
}

function reconnected(cause: StoreError): StoreError {
  const message = `the watch of a key was interrupted, and may go on in another history: ${cause.message}`;
  return new StoreError('unavailable', message, { cause });
}
