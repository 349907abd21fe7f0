import type { WatchBatch } from '@holdfast/store';

/** The next batch of a watch that has events: a server may tell progress at any time. */
export async function nextEvents(batches: AsyncIterator<WatchBatch>): Promise<WatchBatch> {
  for (;;) {
    const next = await batches.next();
    if (next.done === true) throw new Error('the watch ended, and did not fail');
    if (next.value.kind === 'events') return next.value;
  }
}
