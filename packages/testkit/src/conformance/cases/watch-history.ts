import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, isCode, show } from '../expect.js';
import { briefly } from '../watch-reader.js';
import { putMany, revisionsOf } from './support.js';

const COMPACTS = { compaction: true, history: 'until-compacted' } as const;

export const watchHistoryCases: readonly ConformanceCase[] = [
  {
    id: 'C12.compacted-resume',
    clauses: ['C12', 'C10'],
    title:
      'resuming from before the compacted revision ends in CompactedError, with the revision, and no events (trap 6)',
    requires: COMPACTS,
    async run(context) {
      const { store, key, all } = context;
      const { bookmark } = await store.list(all);
      for (const value of ['1', '2', '3']) await store.put(key('a'), value);
      const { revision } = await store.put(key('a'), '4');
      await store.compact(revision);
      const reader = context.watch(all, { after: bookmark });
      const end = await reader.end();
      expectTrue(
        end.kind === 'error' && end.error.code === 'compacted',
        `a compacted error was expected, got ${JSON.stringify(end)}`,
      );
      const error = await expectStoreError(Promise.reject(end.error), 'compacted', 'the watch');
      expectEqual([error.compactRevision, error.name], [revision, 'CompactedError'], 'compactRevision and name');
      expectEqual(reader.events, [], 'the events');
    },
  },
  {
    id: 'C12.compaction-spares-the-others',
    clauses: ['C12', 'C10'],
    title: 'a compaction ends no watch that has what was compacted',
    requires: COMPACTS,
    async run(context) {
      const { store, key, all } = context;
      const reader = await context.follow();
      await store.put(key('a'), '1');
      const { revision } = await store.put(key('a'), '2');
      await reader.untilEvents(2);
      await store.compact(revision);
      const stale = context.watch(all, {
        after: { revision: 1 as typeof revision, identity: (await reader.ready()).identity },
      });
      expectEqual((await stale.end()).kind, 'error', 'how the watch from a compacted revision ends');
      const after = context.watch(all, { after: reader.bookmark });
      await store.put(key('a'), '3');
      expectEqual((await reader.untilEvents(3)).length, 3, 'events of the live watch');
      expectEqual((await after.untilEvents(1)).length, 1, 'events of the watch after the compacted revision');
    },
  },
  {
    id: 'C12.no-silent-gap-at-the-compacted-revision',
    clauses: ['C12', 'C10'],
    title: 'a deletion at the very revision that was compacted is told, or the watch is compacted: never silence',
    requires: COMPACTS,
    async run(context) {
      const { store, key, all } = context;
      await store.put(key('a'), '1');
      const { bookmark } = await store.list(all);
      const { revision } = await store.delete(key('a'));
      await store.compact(revision);
      const reader = context.watch(all, { after: bookmark });
      await store.put(key('end'), '');
      try {
        const told = (await reader.untilKey(key('end'))).map(briefly);
        expectEqual(told, [`delete ${key('a')}@${revision}`], 'the events before the sentinel');
      } catch (error) {
        if (!isCode(error, 'compacted')) throw error;
      }
    },
  },
  {
    id: 'C12.overrun-history',
    clauses: ['C12', 'C10'],
    advice: 'let changesSince tell as compacted from where on it remembers all changes',
    writes: 'outside',
    title:
      'resuming from before a history of bounded length ends in CompactedError, also where the range itself was idle',
    requires: { history: (history) => typeof history === 'object' },
    async run(context) {
      const { store, key, capabilities } = context;
      const { history } = capabilities;
      const length = typeof history === 'object' ? history.events : 0;
      const { bookmark } = await store.list({ prefix: key('idle/') });
      await putMany(store, length + 50, (index) => key(`busy/${index % 200}`));
      const reader = context.watch({ prefix: key('idle/') }, { after: bookmark });
      const end = await reader.end();
      expectTrue(
        end.kind === 'error' && isCode(end.error, 'compacted'),
        `a compacted error was expected, got ${show(end)}`,
      );
      expectEqual(reader.events, [], 'the events');
    },
  },
  {
    id: 'C13.foreign-bookmark',
    clauses: ['C13', 'C10'],
    writes: 'outside',
    title: 'a bookmark of another history is history-changed, before any event',
    async run(context) {
      const { store, key, all } = context;
      const { bookmark } = await store.list(all);
      await store.put(key('a'), '1');
      const reader = context.watch(all, { after: { ...bookmark, identity: `${bookmark.identity}0` } });
      const end = await reader.end();
      expectEqual(end.kind === 'error' && end.error.code, 'history-changed', 'how the watch ends');
      expectEqual(reader.batches, [], 'what was delivered');
      await expectStoreError(reader.watch.ready, 'history-changed', 'ready');
    },
  },
  {
    id: 'C13.bookmark-beyond-the-head',
    clauses: ['C13'],
    writes: 'outside',
    title: "a bookmark beyond the store's head is history-changed, not silence (trap 7)",
    async run(context) {
      const { store, key, all } = context;
      await store.put(key('a'), '1');
      const { bookmark } = await store.list(all);
      const beyond = { ...bookmark, revision: (bookmark.revision + 100_000) as typeof bookmark.revision };
      const reader = context.watch(all, { after: beyond });
      const end = await reader.end();
      expectEqual(end.kind === 'error' && end.error.code, 'history-changed', 'how the watch ends');
      expectEqual(reader.events, [], 'the events');
    },
  },
  {
    id: 'C13.no-false-alarm-at-the-head',
    clauses: ['C13', 'C10'],
    writes: 'outside',
    title: 'a bookmark of a revision just written is taken by every handle',
    async run(context) {
      const { store, key, all } = context;
      const other = await context.connect();
      const { identity } = (await store.list(all)).bookmark;
      for (let round = 0; round < 5; round++) {
        const { revision } = await store.put(key('a'), String(round));
        const reader = await context.follow(all, { after: { revision, identity } }, other);
        const next = await store.put(key('b'), String(round));
        expectEqual(revisionsOf(await reader.untilEvents(1)), [next.revision], 'the revisions told');
        await reader.watch.close();
      }
    },
  },
  {
    id: 'C13.progress-never-lowers-a-bookmark',
    clauses: ['C13', 'C10'],
    writes: 'outside',
    title: 'no batch of a resumed watch has a bookmark below the one it was resumed from',
    async run(context) {
      const { store, key, all } = context;
      for (let round = 0; round < 3; round++) {
        const { revision } = await store.put(key('other'), String(round));
        const { bookmark } = await store.list({ prefix: key('mine/') });
        expectTrue(bookmark.revision >= revision, 'the list must be at the head');
        const reader = context.watch(all, { after: bookmark });
        expectEqual(await reader.ready(), bookmark, 'what ready tells');
        await context.passTime(150);
        await store.put(key('mine/a'), String(round));
        await reader.untilEvents(1);
        for (const batch of reader.batches) {
          expectTrue(
            batch.bookmark.revision >= bookmark.revision,
            `a bookmark fell from ${bookmark.revision} to ${batch.bookmark.revision}`,
          );
        }
        await reader.watch.close();
      }
    },
  },
];
