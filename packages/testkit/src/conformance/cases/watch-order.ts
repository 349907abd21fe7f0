import type { Revision, WatchEvent } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, show, text } from '../expect.js';
import { briefly, keyOf } from '../watch-reader.js';
import { padded, revisionsOf, withEvents } from './support.js';

export const watchOrderCases: readonly ConformanceCase[] = [
  {
    id: 'C10.ready-tells-from-where',
    clauses: ['C10'],
    title: 'a watch without "after" is ready at the current revision, and tells nothing older',
    async run(context) {
      const { store, key, all } = context;
      const before = await store.put(key('a'), '1');
      const reader = context.watch();
      const ready = await reader.ready();
      expectTrue(
        ready.revision >= before.revision,
        `ready must be at ${before.revision} or later, got ${ready.revision}`,
      );
      expectEqual(ready.identity, (await store.list(all)).bookmark.identity, 'identity');
      const put = await store.put(key('a'), '2');
      expectEqual((await reader.untilEvents(1)).map(briefly), [`put ${key('a')}=2@${put.revision}`], 'the events');
    },
  },
  {
    id: 'C10.put-events',
    clauses: ['C10', 'C3'],
    title: 'a put event carries the entry as a read gives it, and whether the key is new',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow();
      const isCreate: boolean[] = [];
      for (const [index, step] of ['put', 'put', 'delete', 'put'].entries()) {
        if (step === 'delete') {
          await store.delete(key('a'));
          continue;
        }
        await store.put(key('a'), String(index));
        const entry = await store.get(key('a'));
        await reader.until(`put ${index}`, () => reader.events.some((event) => event.revision === entry?.modRevision));
        const event = reader.events.find(({ revision }) => revision === entry?.modRevision);
        expectTrue(event?.type === 'put', `a put event was expected, got ${show(event)}`);
        expectEqual(event.current, entry, 'current');
        isCreate.push(event.isCreate);
      }
      expectEqual(isCreate, [true, false, true], 'isCreate of the first put, the second, and the one after the delete');
    },
  },
  {
    id: 'C10.delete-events',
    clauses: ['C10'],
    title: 'a delete event carries the key and the revision of the deletion',
    async run(context) {
      const { store, key } = context;
      await store.put(key('a'), '1');
      const reader = await context.follow();
      const { revision } = await store.delete(key('a'));
      expectEqual((await reader.untilEvents(1)).map(briefly), [`delete ${key('a')}@${revision}`], 'the events');
    },
  },
  {
    id: 'C10.every-write-once-in-order',
    clauses: ['C10'],
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
  {
    id: 'C10.previous-values',
    clauses: ['C10', 'C3'],
    title: 'events carry the previous entry where asked, and not otherwise',
    requires: { previousValues: true },
    async run(context) {
      const { store, key } = context;
      const [reader, plain] = [await context.follow(context.all, { previous: true }), await context.follow()];
      await store.put(key('a'), '1');
      const first = await store.get(key('a'));
      await store.put(key('a'), '2');
      const second = await store.get(key('a'));
      await store.delete(key('a'));
      const previous = (events: WatchEvent[]) =>
        events.map((event) => ('previous' in event ? event.previous : undefined));
      expectEqual(previous(await reader.untilEvents(3)), [undefined, first, second], 'previous, where asked');
      expectEqual(previous(await plain.untilEvents(3)), [undefined, undefined, undefined], 'previous, where not asked');
    },
  },
  {
    id: 'C10.only-puts',
    clauses: ['C10'],
    title: "only: 'put' tells puts and no deletes",
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow(context.all, { only: 'put' });
      await store.put(key('a'), '1');
      await store.delete(key('a'));
      await store.put(key('b'), '1');
      expectEqual(
        (await reader.untilEvents(2)).map((event) => [event.type, keyOf(event)]),
        [
          ['put', key('a')],
          ['put', key('b')],
        ],
        'the events',
      );
    },
  },
  {
    id: 'C10.only-deletes',
    clauses: ['C10'],
    title: "only: 'delete' tells deletes and no puts",
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow(context.all, { only: 'delete' });
      for (const name of ['a', 'b']) {
        await store.put(key(name), '1');
        await store.delete(key(name));
      }
      const events = await reader.untilEvents(2);
      expectEqual(
        events.map((event) => [event.type, keyOf(event)]),
        [
          ['delete', key('a')],
          ['delete', key('b')],
        ],
        'the events',
      );
    },
  },
  {
    id: 'C10.watches-are-independent',
    clauses: ['C10'],
    title: 'watches of one store each tell all of their own range',
    async run(context) {
      const { store, key } = context;
      const readers = await Promise.all(['a/', 'b/', ''].map((name) => context.follow({ prefix: key(name) })));
      for (const name of ['a/1', 'b/1', 'a/2', 'c/1', 'b/2']) await store.put(key(name), '');
      const counts = [2, 2, 5];
      for (const [index, reader] of readers.entries()) await reader.untilEvents(counts[index] ?? 0);
      expectEqual(
        readers.map((reader) => reader.events.map(keyOf)),
        [[key('a/1'), key('a/2')], [key('b/1'), key('b/2')], ['a/1', 'b/1', 'a/2', 'c/1', 'b/2'].map(key)],
        'the keys told by each watch',
      );
    },
  },
  {
    id: 'C10.closing-one-leaves-others',
    clauses: ['C10', 'C12'],
    title: 'closing one watch leaves another of the same range as it was',
    async run(context) {
      const { store, key } = context;
      const [one, two] = [await context.follow(), await context.follow()];
      await store.put(key('a'), '1');
      await Promise.all([one.untilEvents(1), two.untilEvents(1)]);
      await one.watch.close();
      await store.put(key('a'), '2');
      expectEqual((await two.untilEvents(2)).length, 2, 'the number of events');
    },
  },
  {
    id: 'C10.one-consumer',
    clauses: ['C10'],
    title: 'a watch has one consumer: a second iteration is refused',
    async run(context) {
      const { watch } = await context.follow();
      watch[Symbol.asyncIterator]();
      const again = async () => watch[Symbol.asyncIterator]().next();
      await expectStoreError(again, 'invalid-argument', 'the second iteration');
    },
  },
  {
    id: 'C10.events-carry-leases',
    clauses: ['C10', 'C8'],
    title: 'a put event tells the lease of its entry',
    requires: { leases: true },
    async run(context) {
      const { store, key } = context;
      const { id } = await store.leases.grant(60);
      const reader = await context.follow();
      await store.put(key('a'), '1', { lease: id });
      const [event] = await reader.untilEvents(1);
      expectEqual(event?.type === 'put' && event.current.lease, id, 'lease');
      await store.leases.revoke(id);
    },
  },
  {
    id: 'C10.large-events',
    clauses: ['C10'],
    title: 'events of more than 4 MiB in a row come whole',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow();
      const value = 'v'.repeat(900_000);
      for (let index = 0; index < 6; index++) await store.put(key(String(index)), `${index}${value}`);
      const events = await reader.untilEvents(6);
      expectEqual(
        events.map((event) => event.type === 'put' && [event.current.value.length, event.current.value[0]]),
        [0, 1, 2, 3, 4, 5].map((n) => [900_001, 48 + n]),
        'sizes and first bytes',
      );
    },
  },
  {
    id: 'C10.bad-watch-options-are-invalid',
    clauses: ['C10', 'C16'],
    title: 'watch options that there are not, or of another type, are refused',
    async run({ store, all }) {
      const { identity } = (await store.list(all)).bookmark;
      const bad: unknown[] = [
        { after: 5 },
        { after: { revision: 0, identity } },
        { after: { revision: -1, identity } },
        { after: { revision: 1.5, identity } },
        { after: { revision: 5 } },
        { after: { revision: 5, identity: '' } },
        { only: 'puts' },
        { previous: 'yes' },
        { bufferBytes: 0 },
        { bufferBytes: -5 },
        { bufferBytes: 1.5 },
        { afterRevision: 5 },
        { signal: 'now' },
      ];
      for (const options of bad) {
        const ready = async () => store.watch(all, options as object).ready;
        await expectStoreError(ready, 'invalid-argument', `watch with ${show(options)}`);
      }
    },
  },
];
