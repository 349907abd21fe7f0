import type { StoreError } from '@holdfast/store';
import {
  type Backoff,
  GuardedStore,
  sleep,
  toStoreError,
  whenAborted,
  removeAbortListener,
} from '@holdfast/store/adapter';
import { cannotHeal } from '../runtime/errors.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Saved } from '../snapshot/read-saved.js';
import { recallSaved } from '../snapshot/recall-saved.js';
import type { Loader } from './loader.js';

/**
 * Loads from the store, if that is done before the saved copy is to be shown: in `snapshotAfterMs`, or until every endpoint has refused.
 * What does not continue the copy is not taken in.
 *
 * @returns whether it was loaded
 * @throws StoreError what no later attempt can heal, or the mirror's end
 */
export async function loadsInTime(runtime: Runtime, loader: Loader, saved: Saved, backoff: Backoff): Promise<boolean> {
  const { clock, snapshot, startTimeoutMs } = runtime.settings;
  const ms = Math.min(snapshot?.afterMs ?? 0, startTimeoutMs / 2);
  if (ms <= 0) return false;
  const waiting = new AbortController();
  const stop = () => {
    waiting.abort(runtime.signal.reason);
  };
  const timer = clock.setTimeout(() => {
    waiting.abort();
  }, ms);
  whenAborted(runtime.signal, stop);
  runtime.onAttemptFailed = refusals(runtime, stop);
  try {
    while (!waiting.signal.aborted) {
      try {
        const { bookmark } = saved.point;
        await loader.load({
          origin: 'load',
          newHistory: false,
          after: bookmark,
          recall: (restore, slicer) => recallSaved(saved, restore, runtime.table, slicer),
          signal: waiting.signal,
        });
        return true;
      } catch (error) {
        runtime.signal.throwIfAborted();
        if (waiting.signal.aborted) return false;
        const cause = toStoreError(error);
        if (cannotHeal(cause)) throw cause;
        runtime.noteTrouble(cause);
        // Nothing answers, or another store than that of the copy: that takes longer.
        if (cause.code === 'unavailable' || cause.code === 'history-changed') return false;
      }
      await sleep(clock, backoff.next(), waiting.signal).catch(() => undefined);
    }
    runtime.signal.throwIfAborted();
    return false;
  } finally {
    runtime.onAttemptFailed = undefined;
    clock.clearTimeout(timer);
    removeAbortListener(runtime.signal, stop);
    backoff.reset();
  }
}

/** Calls `onAll` once each endpoint of the store has refused. */
function refusals(runtime: Runtime, onAll: () => void): (failure: StoreError) => void {
  const { endpoints } = GuardedStore.originOf(runtime.store);
  const refused = new Set<string>();
  return (failure) => {
    if (failure.code !== 'unavailable' || failure.endpoint === undefined) return;
    runtime.reachability.failed(failure);
    runtime.noteTrouble(failure);
    refused.add(failure.endpoint);
    if (endpoints.every((endpoint) => refused.has(endpoint))) onAll();
  };
}

/**
 * Shows a saved copy, as the mirror's load.
 *
 * @returns whether it can be shown
 */
export async function showCopy(runtime: Runtime, saved: Saved): Promise<boolean> {
  const commit = await runtime.copy?.show(saved, runtime.outlets.isHeard);
  runtime.signal.throwIfAborted();
  if (commit === undefined) return false;
  runtime.freshness.assume(saved.point.asOf);
  runtime.showsCopy = true;
  await runtime.change('load', (tell) => {
    tell(commit());
    return Promise.resolve();
  });
  runtime.started();
  runtime.state.handle({ type: 'revived', cause: runtime.trouble });
  return true;
}
