import type { ConformanceCase } from '../case.js';
import type { ConformanceContext } from '../context.js';

/** The number of watches that the backend serves, once it stays the same: those of earlier cases may still be ending. */
async function settledCount(context: ConformanceContext): Promise<number> {
  let before = await context.hook('openWatches')();
  for (;;) {
    await context.passTime(20);
    const now = await context.hook('openWatches')();
    if (now === before) return now;
    before = now;
  }
}

export const closedWatchCases: readonly ConformanceCase[] = [
  {
    id: 'C12.closed-watches-are-gone',
    clauses: ['C12'],
    title: 'however a watch ends, the backend no longer serves it (trap 15)',
    writes: 'outside',
    needs: ['openWatches'],
    async run(context) {
      const { store, key, all } = context;
      const other = await context.connect();
      const before = await settledCount(context);
      const [closed, left, unread] = [await context.follow(), await context.follow(), await context.follow()];
      const controller = new AbortController();
      await context.follow(all, { signal: controller.signal });
      await context.follow(all, {}, other);
      await store.put(key('a'), '1');
      await closed.untilEvents(1);
      await closed.watch.close();
      for await (const batch of left.watch) if (batch.kind === 'events') break;
      await unread.watch.close();
      controller.abort();
      await other.close();
      await context.watch().watch.close();
      let open = NaN;
      await context.eventually(`the backend to serve ${before} watches again, as before`, async () => {
        open = await context.hook('openWatches')();
        return open <= before;
      });
    },
  },
];
