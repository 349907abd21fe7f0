import { addAbortListener, removeAbortListener } from './abort-listeners.js';
import { noteFailure, onFailure } from './attempt-failures.js';
import { runCall, type CallContext, type CallLimits } from './call.js';
import type { CallTrace } from './call-trace.js';
import type { DriverCall } from './driver.js';
import { StoreError } from './errors.js';
import type { Page } from './options.js';
import { isInBackground, runInBackground } from './process-hold.js';

/**
 * Runs a driver's scan. A scan may outlive any time-out, so the limits hold for each page. The driver's scan has one signal for all pages:
 * a page that exceeds its limits ends the whole scan. Leaving the loop ends the call in flight.
 *
 * @param begin starts the driver's scan
 * @param page runs the call of one page, and tells those who listen to calls
 */
export async function* guardedScan(
  begin: (call: DriverCall) => AsyncIterator<Page>,
  limits: CallLimits,
  context: CallContext,
  page: (run: (trace?: CallTrace) => Promise<IteratorResult<Page>>) => Promise<IteratorResult<Page>>,
): AsyncGenerator<Page, void, undefined> {
  const ended = new AbortController();
  if (isInBackground(limits.signal)) runInBackground(ended.signal);
  let pages: AsyncIterator<Page> | undefined;
  let isLast = false;
  try {
    for (;;) {
      const run = (trace?: CallTrace) =>
        runCall('read', { ...limits, trace }, context, async (call) => {
          trace?.runsUnder(ended.signal);
          const onAbort = () => {
            ended.abort(call.signal?.reason);
          };
          onFailure(ended.signal, (failure) => {
            noteFailure(call.signal, failure);
          });
          addAbortListener(call.signal, onAbort);
          try {
            pages ??= begin({ signal: ended.signal });
            return await pages.next();
          } finally {
            // The store's signal outlives the page, and a long scan has many pages.
            removeAbortListener(call.signal, onAbort);
          }
        });
      // Past the last page there is nothing to ask for.
      const next: IteratorResult<Page> = await (isLast ? run() : page(run));
      if (next.done === true) return;
      isLast = !next.value.more;
      yield next.value;
    }
  } finally {
    ended.abort(new StoreError('aborted', 'the scan was abandoned'));
    // Not awaited: a driver that is stuck in a page must not hold the caller that left the loop.
    pages?.return?.().catch(() => undefined);
  }
}
