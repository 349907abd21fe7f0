import type { Revision } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectTrue, text } from '../expect.js';
import { briefly } from '../watch-reader.js';
import { padded, revisionsOf, withEvents } from './support.js';

export const watchOrderCases: readonly ConformanceCase[] = [
  {
    id: 'C10.every-write-once-in-order',
    clauses: ['C10'],
    writes: 'outside',
    title: 'every write is told once, in the order of revisions, with its own value',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow();
      const expected: string[] = [];
      for (let index = 0; index < 120; index++) {
        const name = key(String(index % 7));
        if (index % 5 === 4) {
          const deleted = await store.delete(name);
          if (deleted.deleted !== 0) expected.push(`delete ${name}@${deleted.revision}`);
        } else expected.push(`put ${name}=${index}@${(await store.put(name, String(index))).revision}`);
      }
      await store.put(key('end'), '');
      const events = await reader.untilKey(key('end'));
      expectEqual(events.map(briefly), expected, 'the events');
      for (const { events: inBatch, bookmark } of reader.batches) {
        const last = inBatch.at(-1)?.revision ?? 0;
        expectTrue(
          bookmark.revision >= last,
          `the bookmark ${bookmark.revision} of a batch must cover its events, up to ${last}`,
        );
      }
      expectEqual(
        reader.bookmark?.revision !== undefined && reader.bookmark.revision >= (reader.events.at(-1)?.revision ?? 0),
        true,
        'the last bookmark covers the last event',
      );
    },
  },
  {
    id: 'C10.concurrent-writers',
    clauses: ['C10'],
    writes: 'outside',
    title: 'the writes of many handles at once are all told, once, in order',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow();
      const stores = [store, await context.connect(), await context.connect()];
      const written: Revision[] = [];
      await Promise.all(
        stores.flatMap((writer, index) =>
          [0, 1].map(async (lane) => {
            for (let round = 0; round < 20; round++) {
              written.push((await writer.put(key(`${index}-${lane}`), String(round))).revision);
            }
          }),
        ),
      );
      await store.put(key('end'), '');
      const events = await reader.untilKey(key('end'));
      expectEqual(
        revisionsOf(events),
        written.sort((a, b) => a - b),
        'the revisions told',
      );
    },
  },
  {
    id: 'C10.no-coalescing',
    clauses: ['C10'],
    writes: 'outside',
    title: 'each of several quick writes of one key is told',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow();
      await Promise.all(Array.from({ length: 30 }, (_, index) => store.put(key('a'), String(index))));
      const events = await reader.untilEvents(30);
      const values = events.map((event) => (event.type === 'put' ? Number(text(event.current.value)) : NaN));
      expectEqual(
        values.sort((a, b) => a - b),
        Array.from({ length: 30 }, (_, index) => index),
        'the values told',
      );
    },
  },
  {
    id: 'C10.wide-revision-in-one-batch',
    clauses: ['C10', 'C9'],
    advice: 'push all events of a revision in one batch',
    title: 'all events of one revision come in one batch, however many they are',
    requires: { transactions: 'multi-key' },
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow();
      const width = Math.min(100, store.capabilities.maxTxnOperations ?? 100);
      for (let round = 0; round < 3; round++) {
        await store.txn({
          then: Array.from({ length: width }, (_, index) => ({
            type: 'put',
            key: key(padded(index)),
            value: 'v'.repeat(200),
          })),
        });
      }
      await reader.untilEvents(3 * width);
      for (const { events } of withEvents(reader.batches)) {
        for (const revision of new Set(revisionsOf(events))) {
          const count = events.filter((event) => event.revision === revision).length;
          expectEqual(count, width, `the events of revision ${revision} in its batch`);
        }
      }
    },
  },
  {
    id: 'C10.batches-have-a-kind',
    clauses: ['C10'],
    writes: 'outside',
    title: 'a batch of events has some, and a progress batch has none',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow();
      for (let index = 0; index < 10; index++) await store.put(key('a'), String(index));
      await reader.untilEvents(10);
      for (const batch of reader.batches) {
        const told = batch.events.length + batch.undecodable.length;
        expectTrue(
          batch.kind === 'events' ? told > 0 : told === 0,
          `a batch of kind ${batch.kind} with ${told} events`,
        );
      }
    },
  },
  {
    id: 'C10.bookmarks-name-the-history',
    clauses: ['C10'],
    writes: 'outside',
    title: "every batch's bookmark carries the identity of the store's history",
    async run(context) {
      const { store, key, all } = context;
      const { identity } = (await store.list(all)).bookmark;
      const reader = await context.follow();
      for (let index = 0; index < 3; index++) await store.put(key('a'), String(index));
      await reader.untilEvents(3);
      for (const { bookmark } of reader.batches) expectEqual(bookmark.identity, identity, 'identity');
    },
  },
];
