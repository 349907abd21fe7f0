import {
  isStoreError,
  type ConfigStore,
  type StoreError,
  type WatchBatch,
  type WatchEvent,
  type WatchOptions,
} from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import type { ConformanceContext } from '../context.js';
import { expectEqual, expectStoreError, expectTrue, fail } from '../expect.js';
import type { WatchReader } from '../watch-reader.js';
import { RESUMES, padded, revisionsOf } from './support.js';

const BUDGET = 16 * 1024;
const VALUE_BYTES = 2 * 1024;
// Twenty times the budget, and less than the history that etcd v2 keeps.
const WRITES = 160;

const value = (index: number) => `${index}:`.padEnd(VALUE_BYTES, 'v');

function valueBytes(batches: readonly WatchBatch[]): number {
  return batches
    .flatMap(({ events }) => events)
    .reduce((sum, event) => sum + (event.type === 'put' ? event.current.value.length : 0), 0);
}

/** How much longer each round waits for the unread watch to fill, in milliseconds. */
const ROUNDS = [0, 50, 250, 1_000];

/**
 * Writes many times the budget of a watch that nobody reads, compacts, and reads it to its end. The case shows something only if the watch
 * was full: so a round in which it had hardly begun is not counted, and another one waits longer.
 */
async function fillAndCompact(
  context: ConformanceContext,
  store: ConfigStore,
  options: WatchOptions,
): Promise<{ readonly end: StoreError | undefined; readonly events: readonly WatchEvent[] }> {
  const { key, all } = context;
  for (const waitMs of ROUNDS) {
    const unread = await context.follow(all, options, store);
    // It shows when the store has told all of it. What settles without a turn of the event loop would be compacted before any of it was told.
    const read = await context.follow(all);
    let head = 0;
    for (let index = 0; index < WRITES; index++) {
      head = (await context.store.put(key(padded(index)), value(index))).revision;
    }
    await read.until('the last event', ({ events }) => events.at(-1)?.revision === head);
    await context.passTime(waitMs);
    await context.store.compact(head);
    const end = await endOf(unread);
    if (valueBytes(unread.batches) >= BUDGET / 2) return { end, events: unread.events };
    await Promise.all([unread.watch.close(), read.watch.close()]);
  }
  return fail(
    `of ${WRITES * VALUE_BYTES} bytes of values, an unread watch with a budget of ${BUDGET} kept less than half its budget: the driver must push until push() returns 'full'`,
  );
}

/** How the watch ends. It may not deliver more than its budget, and the batch that is handed over while the consumer waits. */
async function endOf(reader: WatchReader): Promise<StoreError | undefined> {
  const most = BUDGET + 2 * VALUE_BYTES;
  const tooMuch = () => valueBytes(reader.batches) > most;
  try {
    await reader.until('the end of a watch whose history was compacted', tooMuch);
  } catch (error) {
    if (isStoreError(error)) return error;
    throw error;
  }
  return fail(
    `the watch kept more than ${most} bytes of values with a budget of ${BUDGET}: after push() has returned 'full', the driver may push nothing until resume()`,
  );
}

export const slowConsumerCases: readonly ConformanceCase[] = [
  {
    id: 'C11.late-reader-gets-all',
    clauses: ['C11', 'C10'],
    writes: 'outside',
    requires: RESUMES,
    title: 'a consumer that reads only after its budget was exceeded many times gets every event, once, in order',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow(context.all, { bufferBytes: BUDGET });
      const written = [];
      for (let index = 0; index < WRITES; index++)
        written.push((await store.put(key(padded(index % 9)), value(index))).revision);
      expectEqual(revisionsOf(await reader.untilEvents(WRITES)), written, 'the revisions told');
      const more = await store.put(key('end'), '');
      expectEqual(
        revisionsOf((await reader.untilEvents(WRITES + 1)).slice(-1)),
        [more.revision],
        'the event after the drain',
      );
    },
  },
  {
    id: 'C11.others-do-not-notice',
    clauses: ['C11', 'C10'],
    writes: 'outside',
    requires: RESUMES,
    title: 'a watch that nobody reads holds up no other watch of the store',
    async run(context) {
      const { store, key } = context;
      const stalled = await Promise.all([0, 1].map(() => context.follow(context.all, { bufferBytes: BUDGET })));
      const live = await context.follow();
      const written = [];
      for (let index = 0; index < WRITES; index++)
        written.push((await store.put(key(padded(index)), value(index))).revision);
      expectEqual(revisionsOf(await live.untilEvents(WRITES)), written, 'the revisions told to the live watch');
      for (const reader of stalled) {
        expectEqual(
          revisionsOf(await reader.untilEvents(WRITES)),
          written,
          'the revisions told to a watch that was stalled',
        );
      }
    },
  },
  {
    id: 'C11.memory-is-bounded',
    clauses: ['C11', 'C12'],
    title:
      'a watch that nobody reads keeps no more than its budget and one revision: what is compacted meanwhile is gone',
    requires: { compaction: true, history: 'until-compacted' },
    async run(context) {
      const { end, events } = await fillAndCompact(context, context.store, { bufferBytes: BUDGET });
      expectEqual(end?.code, 'compacted', 'how the watch ends');
      const told = revisionsOf(events);
      const first = told[0] ?? 0;
      expectEqual(
        told,
        told.map((_, index) => first + index),
        'the revisions told before the end, without a gap',
      );
    },
  },
  {
    id: 'C11.budget-of-the-store',
    clauses: ['C11', 'C12'],
    title: "the store's own budget holds for watches that name none",
    requires: { compaction: true, history: 'until-compacted' },
    async run(context) {
      const store = await context.connect({ bufferBytes: BUDGET });
      const { end } = await fillAndCompact(context, store, {});
      expectEqual(end?.code, 'compacted', 'how the watch ends');
    },
  },
  {
    id: 'C11.one-revision-may-exceed',
    clauses: ['C11', 'C9', 'C10'],
    title: 'a revision larger than the budget is told whole',
    requires: { transactions: 'multi-key' },
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow(context.all, { bufferBytes: 1_024 });
      const puts = (round: number) =>
        Array.from(
          { length: 20 },
          (_, index) => ({ type: 'put', key: key(padded(index)), value: value(round) }) as const,
        );
      for (let round = 0; round < 5; round++) await store.txn({ then: puts(round) });
      await reader.untilEvents(100);
      const sizes = reader.batches.flatMap(({ events }) => (events.length > 0 ? [events.length % 20] : []));
      expectTrue(
        sizes.every((rest) => rest === 0),
        `batches must hold whole transactions of 20, got ${JSON.stringify(sizes)}`,
      );
    },
  },
  {
    id: 'C11.outage-behind-a-full-queue',
    clauses: ['C11', 'C10', 'C12'],
    writes: 'outside',
    requires: RESUMES,
    title: 'a watch whose budget is used up tells of a lost connection all the same, and then loses nothing',
    needs: ['disturbed'],
    async run(context) {
      const { key, all } = context;
      const { store, link } = await context.hook('disturbed')();
      context.adopt(store);
      const unread = await context.follow(all, { bufferBytes: BUDGET }, store);
      const read = await context.follow(all, {}, store);
      const written = [];
      for (let index = 0; index < WRITES; index++)
        written.push((await context.store.put(key(padded(index)), value(index))).revision);
      expectEqual(revisionsOf(await read.untilEvents(WRITES)), written, 'the revisions told to the other watch');
      await link.cut();
      await context.eventually('the outage to show', () => unread.watch.state.status === 'interrupted');
      await link.heal();
      expectEqual(revisionsOf(await unread.untilEvents(WRITES)), written, 'the revisions told after the outage');
      await context.eventually('the watch to be live again', () => unread.watch.state.status === 'live');
    },
  },
  {
    id: 'C11.resume-of-a-late-reader',
    clauses: ['C11', 'C10'],
    writes: 'outside',
    requires: RESUMES,
    title: 'closing a watch that is behind, and resuming from what was read, loses nothing',
    async run(context) {
      const { store, key, all } = context;
      const reader = await context.follow(all, { bufferBytes: BUDGET });
      const written = [];
      for (let index = 0; index < WRITES; index++)
        written.push((await store.put(key(padded(index)), value(index))).revision);
      await reader.untilEvents(3);
      const seen = revisionsOf(reader.events);
      const { bookmark } = reader;
      await reader.watch.close();
      const resumed = context.watch(all, { after: bookmark });
      expectEqual(
        [...seen, ...revisionsOf(await resumed.untilEvents(WRITES - seen.length))],
        written,
        'the revisions told by both',
      );
    },
  },
  {
    id: 'C11.budget-must-be-a-number-of-bytes',
    clauses: ['C11', 'C16'],
    writes: 'none',
    title: 'a budget that is no whole number of bytes from 1 is refused',
    async run({ store, all }) {
      for (const bufferBytes of [0, -1, 1.5, NaN, Infinity]) {
        await expectStoreError(
          async () => store.watch(all, { bufferBytes }).ready,
          'invalid-argument',
          `watch with bufferBytes ${bufferBytes}`,
        );
      }
    },
  },
];
