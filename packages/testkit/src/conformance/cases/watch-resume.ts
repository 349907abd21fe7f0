import type { Bookmark, Revision } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectTrue } from '../expect.js';
import { briefly } from '../watch-reader.js';
import { RESUMES, padded, revisionsOf } from './support.js';

export const watchResumeCases: readonly ConformanceCase[] = [
  {
    id: 'C10.list-then-watch',
    clauses: ['C10'],
    writes: 'outside',
    requires: RESUMES,
    title: "a watch after a list's bookmark tells exactly what the list did not hold",
    async run(context) {
      const { store, key, all } = context;
      await store.put(key('a'), '1');
      const { bookmark } = await store.list(all);
      const later = [await store.put(key('a'), '2'), await store.put(key('b'), '3')];
      const reader = context.watch(all, { after: bookmark });
      expectEqual(await reader.ready(), bookmark, 'what ready tells');
      const more = await store.put(key('c'), '4');
      expectEqual(
        revisionsOf(await reader.untilEvents(3)),
        [...later, more].map(({ revision }) => revision),
        'the revisions told',
      );
    },
  },
  {
    id: 'C10.after-excludes-itself',
    clauses: ['C10'],
    writes: 'outside',
    requires: RESUMES,
    title: '"after" excludes the revision that it names, and includes the next',
    async run(context) {
      const { store, key, all } = context;
      const { identity } = (await store.list(all)).bookmark;
      const puts: Revision[] = [];
      for (let index = 0; index < 4; index++) puts.push((await store.put(key('a'), String(index))).revision);
      for (const [index, revision] of puts.entries()) {
        const reader = context.watch(all, { after: { revision, identity } });
        const end = await store.put(key(`end${index}`), '');
        await reader.until('the sentinel', () => reader.events.some((event) => event.revision === end.revision));
        const told = revisionsOf(reader.events).filter((seen) => puts.includes(seen));
        expectEqual(told, puts.slice(index + 1), `the revisions told after ${revision}`);
      }
    },
  },
  {
    id: 'C10.resume-from-every-batch',
    clauses: ['C10'],
    writes: 'outside',
    requires: RESUMES,
    title: "resuming from any batch's bookmark continues with nothing lost or repeated",
    async run(context) {
      const { store, key, all } = context;
      const reader = await context.follow();
      for (let index = 0; index < 12; index++) {
        await store.put(key(String(index % 3)), String(index));
        // One by one, so that there are several batches to resume from.
        await reader.untilEvents(index + 1);
      }
      const history = reader.events.map(briefly);
      const bookmarks = reader.batches.map((batch, index) => ({
        bookmark: batch.bookmark,
        seen: reader.batches.slice(0, index + 1).flatMap(({ events }) => events).length,
      }));
      const end = await store.put(key('end'), '');
      for (const { bookmark, seen } of bookmarks) {
        const resumed = context.watch(all, { after: bookmark });
        await resumed.until('the sentinel', () => resumed.events.some((event) => event.revision === end.revision));
        expectEqual(
          resumed.events.slice(0, -1).map(briefly),
          history.slice(seen),
          `the events after revision ${bookmark.revision}`,
        );
        await resumed.watch.close();
      }
    },
  },
  {
    id: 'C10.resume-keeps-revisions-whole',
    clauses: ['C10', 'C9'],
    title: 'resuming after a revision neither repeats nor splits a transaction',
    requires: { transactions: 'multi-key', ...RESUMES },
    async run(context) {
      const { store, key, all } = context;
      const { identity } = (await store.list(all)).bookmark;
      const write = async (value: string) =>
        (await store.txn({ then: ['a', 'b', 'c'].map((name) => ({ type: 'put', key: key(name), value })) })).revision;
      const [one, two] = [await write('1'), await write('2')];
      const reader = context.watch(all, { after: { revision: one, identity } });
      await reader.untilEvents(1);
      const [batch] = reader.batches.filter(({ events }) => events.length > 0);
      expectEqual(revisionsOf(batch?.events ?? []), [two, two, two], 'the revisions of the first batch');
    },
  },
  {
    id: 'C10.resume-at-the-head',
    clauses: ['C10', 'C13'],
    writes: 'outside',
    title: 'a watch after the head tells nothing until something is written',
    async run(context) {
      const { store, key, all } = context;
      await store.put(key('a'), '1');
      const { bookmark } = await store.list(all);
      const reader = await context.follow(all, { after: bookmark });
      const put = await store.put(key('a'), '2');
      expectEqual((await reader.untilEvents(1)).map(briefly), [`put ${key('a')}=2@${put.revision}`], 'the events');
    },
  },
  {
    id: 'C10.bookmarks-survive-json',
    clauses: ['C10', 'C3'],
    writes: 'outside',
    requires: RESUMES,
    title: 'a bookmark that went through JSON resumes, through another handle',
    async run(context) {
      const { store, key, all } = context;
      const reader = await context.follow();
      await store.put(key('a'), '1');
      await reader.untilEvents(1);
      const text = JSON.stringify(reader.bookmark);
      const put = await store.put(key('a'), '2');
      const resumed = context.watch(all, { after: JSON.parse(text) as Bookmark }, await context.connect());
      expectEqual((await resumed.untilEvents(1)).map(briefly), [`put ${key('a')}=2@${put.revision}`], 'the events');
    },
  },
  {
    id: 'C10.long-backlog',
    clauses: ['C10'],
    writes: 'outside',
    title: 'a backlog of many revisions comes whole; a cut anywhere in it resumes without loss (trap 1)',
    requires: RESUMES,
    async run(context) {
      const { store, key, all, capabilities, backlogRevisions } = context;
      const { history } = capabilities;
      // A bounded history must still hold all of it.
      const length =
        typeof history === 'object' ? Math.min(backlogRevisions, Math.floor(0.7 * history.events)) : backlogRevisions;
      const { bookmark } = await store.list(all);
      const written: number[] = [];
      const lanes = Array.from({ length: 20 }, async (_, lane) => {
        for (let index = lane; index < length; index += 20) {
          written.push((await store.put(key(padded(index % 50)), String(index))).revision);
        }
      });
      await Promise.all(lanes);
      written.sort((a, b) => a - b);
      const first = context.watch(all, { after: bookmark });
      await first.untilEvents(1);
      const seen = revisionsOf(first.events);
      const cut = first.bookmark;
      await first.watch.close();
      const second = context.watch(all, { after: cut });
      if (seen.length < length) await second.untilEvents(length - seen.length);
      expectEqual([...seen, ...revisionsOf(second.events)], written, 'the revisions told by both watches');
    },
  },
  {
    id: 'C10.progress-on-idle-ranges',
    clauses: ['C10'],
    writes: 'outside',
    title: 'the bookmark of an idle watch moves with the store, past the writes of others',
    requires: { progress: 'exact' },
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow({ prefix: key('idle/') });
      const { revision } = await store.put(key('busy'), '1');
      const reading = reader.until(`a bookmark at ${revision}`, () => (reader.bookmark?.revision ?? 0) >= revision);
      // On a clock that stands still the interval between progress reports has to be let pass.
      let arrived = false;
      const passing = context.eventually('progress', async () => Promise.resolve(arrived));
      await Promise.all([reading.finally(() => (arrived = true)), passing]);
      expectEqual(reader.events, [], 'the events of the idle range');
    },
  },
  {
    id: 'C10.progress-is-never-early',
    clauses: ['C10'],
    writes: 'outside',
    title: 'nothing at or below a bookmark is told after it',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow();
      const writer = await context.connect();
      for (let index = 0; index < 60; index++) {
        await (index % 2 === 0 ? store : writer).put(key(index % 3 === 0 ? 'a' : `b${index}`), String(index));
        if (index % 10 === 9) await context.passTime(20);
      }
      await reader.untilEvents(60);
      let covered = 0;
      for (const { bookmark, events } of reader.batches) {
        const early = events.find((event) => event.revision <= covered);
        expectEqual(
          early && briefly(early),
          undefined,
          `an event at or below the bookmark ${covered} that was told before`,
        );
        expectTrue(bookmark.revision >= covered, `a bookmark fell from ${covered} to ${bookmark.revision}`);
        covered = bookmark.revision;
      }
    },
  },
];
