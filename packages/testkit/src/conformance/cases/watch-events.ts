import type { WatchEvent } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectTrue, show } from '../expect.js';
import { briefly, keyOf } from '../watch-reader.js';
import { LARGE_VALUES } from './support.js';

export const watchEventCases: readonly ConformanceCase[] = [
  {
    id: 'C10.put-events',
    clauses: ['C10', 'C3'],
    writes: 'outside',
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
    writes: 'outside',
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
    id: 'C10.previous-values',
    clauses: ['C10', 'C3'],
    writes: 'outside',
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
    advice: 'hand options.only of watch() on, or use followChanges',
    writes: 'outside',
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
    writes: 'outside',
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
    writes: 'outside',
    title: 'events of more than 4 MiB in a row come whole',
    requires: LARGE_VALUES,
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
];
