import type { ConfigStore, WatchState } from '@holdfast/store';
import type { Link } from '../backend.js';
import type { ConformanceCase } from '../case.js';
import type { ConformanceContext } from '../context.js';
import { expectEqual, expectStoreError, expectTrue, isCode, show } from '../expect.js';
import { briefly, type WatchReader } from '../watch-reader.js';
import { RESUMES, revisionsOf } from './support.js';

/** A watch over a link that can be cut, established and past its first event. */
async function overLink(context: ConformanceContext): Promise<{ store: ConfigStore; link: Link; reader: WatchReader }> {
  const { store, link } = await context.hook('disturbed')();
  context.adopt(store);
  const reader = await context.follow(context.all, {}, store);
  await context.store.put(context.key('a'), 'before');
  await reader.untilEvents(1);
  return { store, link, reader };
}

const interrupted = ({ watch }: WatchReader) => watch.state.status === 'interrupted';

export const watchEndCases: readonly ConformanceCase[] = [
  {
    id: 'C12.close-ends-the-iteration',
    clauses: ['C12'],
    writes: 'outside',
    title: 'close() ends a waiting iteration normally, and the state says closed',
    async run(context) {
      const reader = await context.follow();
      await context.store.put(context.key('a'), '1');
      await reader.untilEvents(1);
      const ending = reader.end();
      await reader.watch.close();
      expectEqual(await ending, { kind: 'done' }, 'how the iteration ends');
      expectEqual(reader.watch.state, { status: 'closed' }, 'the state');
      await reader.watch.close();
    },
  },
  {
    id: 'C12.close-before-the-first-read',
    clauses: ['C12'],
    writes: 'none',
    title: 'a watch that is closed before it was iterated ends normally',
    async run(context) {
      const reader = context.watch();
      await reader.watch.close();
      expectEqual(await reader.end(), { kind: 'done' }, 'how the iteration ends');
      expectEqual(reader.batches, [], 'the batches');
    },
  },
  {
    id: 'C12.leaving-the-loop-closes',
    clauses: ['C12'],
    writes: 'outside',
    title: 'leaving a for await loop closes the watch',
    async run(context) {
      const { watch } = await context.follow();
      await context.store.put(context.key('a'), '1');
      for await (const batch of watch) if (batch.kind === 'events') break;
      expectEqual(watch.state, { status: 'closed' }, 'the state');
    },
  },
  {
    id: 'C12.abort-throws',
    clauses: ['C12'],
    writes: 'none',
    title: 'an abort ends the iteration with an aborted error',
    async run(context) {
      const controller = new AbortController();
      const reader = await context.follow(context.all, { signal: controller.signal });
      const ending = reader.end();
      controller.abort();
      const end = await ending;
      expectTrue(
        end.kind === 'error' && isCode(end.error, 'aborted'),
        `an aborted error was expected, got ${show(end)}`,
      );
      expectTrue(reader.watch.state.status === 'closed', `the state must be closed, got ${show(reader.watch.state)}`);
    },
  },
  {
    id: 'C12.aborted-beforehand',
    clauses: ['C12'],
    writes: 'outside',
    title: 'a watch whose signal has fired already tells nothing but that',
    async run(context) {
      const reader = context.watch(context.all, { signal: AbortSignal.abort() });
      await context.store.put(context.key('a'), '1');
      await expectStoreError(reader.ready(), 'aborted', 'ready');
      const end = await reader.end();
      expectTrue(
        end.kind === 'error' && isCode(end.error, 'aborted'),
        `an aborted error was expected, got ${show(end)}`,
      );
      expectEqual(reader.batches, [], 'the batches');
    },
  },
  {
    id: 'C12.store-close-ends-watches',
    clauses: ['C12', 'C16'],
    writes: 'outside',
    title: "the end of the store ends its watches with a closed error, and no other handle's",
    async run(context) {
      const other = await context.connect();
      const [mine, theirs] = [await context.follow(), await context.follow(context.all, {}, other)];
      await context.store.close();
      const end = await mine.end();
      expectTrue(end.kind === 'error' && isCode(end.error, 'closed'), `a closed error was expected, got ${show(end)}`);
      await other.put(context.key('a'), '1');
      expectEqual((await theirs.untilEvents(1)).length, 1, "the other handle's events");
    },
  },
  {
    id: 'C12.states-are-told',
    clauses: ['C12'],
    writes: 'none',
    title: 'a watch goes from connecting to live to closed, and listeners are told until they unsubscribe',
    async run(context) {
      const { watch } = context.watch();
      const [seen, until]: [WatchState[], WatchState[]] = [[], []];
      const first = watch.state.status;
      watch.onState((state) => seen.push(state));
      const unsubscribe = watch.onState((state) => until.push(state));
      const ready = await watch.ready;
      const live = watch.state;
      expectTrue(
        first === 'connecting' || first === 'live',
        `the first state must be connecting or live, got ${first}`,
      );
      expectTrue(live.status === 'live', `the state after ready must be live, got ${show(live)}`);
      expectEqual(live.after, ready, 'where the live watch follows from');
      unsubscribe();
      const told = until.length;
      await watch.close();
      expectEqual(seen.at(-1), { status: 'closed' }, 'the last state told');
      expectEqual(until.length, told, 'the number of states told after the unsubscription');
    },
  },
  {
    id: 'C12.outage-is-ridden-out',
    clauses: ['C12', 'C10'],
    writes: 'outside',
    requires: RESUMES,
    title: 'what is written while the connection is lost is told when it is back, once, in order',
    needs: ['disturbed'],
    async run(context) {
      const { store, key } = context;
      const { link, reader } = await overLink(context);
      const written = revisionsOf(reader.events);
      for (let round = 0; round < 2; round++) {
        await link.cut();
        for (const value of ['1', '2', '3']) written.push((await store.put(key('a'), value)).revision);
        written.push((await store.delete(key('a'))).revision);
        await link.heal();
        expectEqual(revisionsOf(await reader.untilEvents(written.length)), written, 'the revisions told');
      }
    },
  },
  {
    id: 'C12.state-tells-the-outage',
    clauses: ['C12'],
    writes: 'outside',
    title: 'an outage shows in the state, beside the events: also to a watch that nobody reads',
    needs: ['disturbed'],
    async run(context) {
      const { key } = context;
      const { store, link, reader } = await overLink(context);
      const unread = await context.follow(context.all, {}, store);
      // Left in the queue, unread, so that the state can't be queued behind it.
      await context.store.put(key('a'), 'unread');
      const told: string[] = [];
      unread.watch.onState(({ status }) => told.push(status));
      await link.cut();
      for (const each of [reader, unread]) {
        await context.eventually('the outage to show', () => interrupted(each));
        const { state } = each.watch;
        expectTrue(
          state.status === 'interrupted' && isCode(state.cause, 'unavailable', 'timeout'),
          `the cause must be an outage, got ${show(state)}`,
        );
        expectTrue(Number.isFinite(state.since) && state.since > 0, `since must be a time, got ${state.since}`);
      }
      await link.heal();
      for (const each of [reader, unread]) {
        await context.eventually('the watch to be live again', () => each.watch.state.status === 'live');
      }
      expectEqual([told[0], told.at(-1)], ['interrupted', 'live'], 'the first and last state told during the outage');
    },
  },
  {
    id: 'C12.opened-in-an-outage',
    clauses: ['C12', 'C10'],
    writes: 'outside',
    requires: RESUMES,
    title: 'a watch that is opened while the connection is lost is established when it is back',
    needs: ['disturbed'],
    async run(context) {
      const { store: direct, key, all } = context;
      const { store, link } = await overLink(context);
      const { bookmark } = await direct.list(all);
      await link.cut();
      const reader = context.watch(all, { after: bookmark }, store);
      const put = await direct.put(key('a'), 'meanwhile');
      expectTrue(reader.watch.state.status !== 'live', 'the watch must not be live while there is no connection');
      await link.heal();
      expectEqual(await reader.ready(), bookmark, 'what ready tells');
      expectEqual(
        (await reader.untilEvents(1)).map(briefly),
        [`put ${key('a')}=meanwhile@${put.revision}`],
        'the events',
      );
    },
  },
  {
    id: 'C12.compacted-in-an-outage',
    clauses: ['C12'],
    title: 'a watch whose missed history was compacted in an outage ends in CompactedError, with the revision',
    requires: { compaction: true, history: 'until-compacted' },
    needs: ['disturbed'],
    async run(context) {
      const { store, key } = context;
      const { link, reader } = await overLink(context);
      await link.cut();
      // Before it is noticed, events may still be on their way.
      await context.eventually('the outage to show', () => interrupted(reader));
      for (const value of ['1', '2', '3']) await store.put(key('a'), value);
      const { revision } = await store.put(key('a'), '4');
      await store.compact(revision);
      await link.heal();
      const end = await reader.end();
      expectTrue(end.kind === 'error', 'the watch must end in an error');
      const error = await expectStoreError(Promise.reject(end.error), 'compacted', 'the watch');
      expectEqual(error.compactRevision, revision, 'compactRevision');
      expectEqual(reader.events.length, 1, 'the number of events');
    },
  },
  {
    id: 'C12.calls-recover',
    clauses: ['C12', 'C16'],
    writes: 'outside',
    title: 'after an outage the same handle reads and writes again',
    needs: ['disturbed'],
    async run(context) {
      const { key } = context;
      const { store, link } = await overLink(context);
      await link.cut();
      const during = () => store.get(key('a'), { timeoutMs: 300 });
      const failing = expectStoreError(during, ['unavailable', 'timeout'], 'get during the outage');
      failing.catch(() => undefined);
      await context.passTime(350);
      await context.inTime(failing, 'the get during the outage to fail');
      await link.heal();
      await context.eventually('reads to work again', async () => {
        const read = store.get(key('a'), { timeoutMs: 1_000 }).then(
          () => true,
          () => false,
        );
        return read;
      });
      if (store.capabilities.writes === false) return;
      await store.put(key('b'), '1');
      expectTrue((await context.store.get(key('b'))) !== undefined, 'the write after the outage must be there');
    },
  },
];
