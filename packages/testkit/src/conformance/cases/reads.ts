import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, show, text } from '../expect.js';
import { LARGE_VALUES, keysOf, padded, putMany } from './support.js';

const PAST = { historicalReads: true } as const;
export const readCases: readonly ConformanceCase[] = [
  {
    id: 'C4.get-gives-the-entry',
    clauses: ['C4', 'C3'],
    writes: 'outside',
    title: 'get gives key, value and revisions of what was put',
    async run({ store, key }) {
      const { revision } = await store.put(key('a'), '1');
      const { version, ...entry } = (await store.get(key('a'))) ?? {};
      const expected = { key: key('a'), value: Buffer.from('1'), createRevision: revision, modRevision: revision };
      expectEqual(entry, expected, 'the entry');
      expectEqual(version, store.capabilities.versions ? 1 : undefined, 'version');
    },
  },
  {
    id: 'C4.absence-is-undefined',
    clauses: ['C4'],
    writes: 'none',
    title: 'what is not there is undefined, or an empty list, and no error',
    async run({ store, key, all }) {
      expectEqual(await store.get(key('a')), undefined, 'get');
      const { items, count, more, undecodable } = await store.list(all);
      expectEqual({ items, count, more, undecodable }, { items: [], count: 0, more: false, undecodable: [] }, 'list');
    },
  },
  {
    id: 'C4.deleted-is-absent',
    clauses: ['C4'],
    writes: 'outside',
    title: 'what was deleted is not there',
    async run({ store, key, all }) {
      await store.put(key('a'), '1');
      await store.delete(key('a'));
      expectEqual(await store.get(key('a')), undefined, 'get');
      expectEqual((await store.list(all)).count, 0, 'count');
    },
  },
  {
    id: 'C4.list-gives-all',
    clauses: ['C4'],
    writes: 'outside',
    title: 'a list without a limit gives every entry, in order, however many there are',
    async run({ store, key, all }) {
      const keys = await putMany(store, 1_500, (index) => key(padded(index)));
      const list = await store.list(all);
      expectEqual(keysOf(list), keys, 'the keys');
      expectEqual([list.count, list.more], [1_500, false], 'count and more');
      const wrong = list.items.findIndex((item, index) => text(item.value) !== String(index));
      expectEqual(wrong, -1, 'the index of the first wrong value');
    },
  },
  {
    id: 'C4.large-lists-come-whole',
    clauses: ['C4'],
    writes: 'outside',
    title: 'a list of more than 4 MiB comes whole',
    requires: LARGE_VALUES,
    async run({ store, key, all }) {
      const value = 'v'.repeat(900_000);
      for (let index = 0; index < 6; index++) await store.put(key(String(index)), `${index}${value}`);
      const { items } = await store.list(all);
      expectEqual(
        items.map((item) => [item.value.length, item.value[0]]),
        [0, 1, 2, 3, 4, 5].map((n) => [900_001, 48 + n]),
        'sizes and first bytes',
      );
    },
  },
  {
    id: 'C4.reads-see-acknowledged-writes',
    clauses: ['C4'],
    advice: 'answer a write only when it is committed, and read what is committed at the time of the call',
    writes: 'outside',
    title: 'a linearizable read sees every write acknowledged before it, by any handle',
    async run(context) {
      const { store, key, all } = context;
      const other = await context.connect();
      for (let round = 1; round <= 30; round++) {
        const { revision } = await other.put(key('a'), String(round));
        expectEqual(text((await store.get(key('a')))?.value), String(round), 'get');
        const list = await store.list(all);
        expectEqual(text(list.items[0]?.value), String(round), 'list');
        expectTrue(list.bookmark.revision >= revision, `the list must be at ${revision} or later`);
      }
    },
  },
  {
    id: 'C4.serializable-reads-answer',
    clauses: ['C4'],
    writes: 'outside',
    title: 'a serializable read gives a state of the store',
    async run(context) {
      const { store, key, all } = context;
      await store.put(key('a'), '1');
      const options = { consistency: 'serializable' } as const;
      await context.eventually('the serializable get', async () => (await store.get(key('a'), options)) !== undefined);
      expectEqual(keysOf(await store.list(all, options)), [key('a')], 'the serializable list');
    },
  },
  {
    id: 'C4.get-of-the-past',
    clauses: ['C4', 'C3'],
    writes: 'outside',
    title: 'get at a past revision gives what was there then',
    requires: PAST,
    async run({ store, key }) {
      const before = await store.put(key('other'), '');
      const first = await store.put(key('a'), '1');
      const second = await store.put(key('a'), '2');
      const deleted = await store.delete(key('a'));
      const at = async (revision: number) => text((await store.get(key('a'), { revision }))?.value);
      expectEqual(await at(before.revision), undefined, 'before the first put');
      expectEqual(await at(first.revision), '1', 'at the first put');
      expectEqual(await at(second.revision), '2', 'at the second put');
      expectEqual(await at(deleted.revision), undefined, 'at the delete');
      const { modRevision, createRevision } = (await store.get(key('a'), { revision: second.revision })) ?? {};
      expectEqual(
        { modRevision, createRevision },
        { modRevision: second.revision, createRevision: first.revision },
        'revisions',
      );
    },
  },
  {
    id: 'C4.list-of-the-past',
    clauses: ['C4'],
    writes: 'outside',
    title: 'a list at a past revision gives the keys, values and count of then',
    requires: PAST,
    async run({ store, key, all }) {
      await store.put(key('a'), '1');
      const then = await store.put(key('b'), '1');
      await store.put(key('b'), '2');
      await store.put(key('c'), '1');
      await store.delete(key('a'));
      const list = await store.list(all, { revision: then.revision });
      expectEqual(
        list.items.map((item) => [item.key, text(item.value)]),
        [
          [key('a'), '1'],
          [key('b'), '1'],
        ],
        'items',
      );
      expectEqual(list.count, 2, 'count');
    },
  },
  {
    id: 'C4.past-lists-tell-their-own-revision',
    clauses: ['C4', 'C10'],
    writes: 'outside',
    title: "the bookmark of a list at a past revision is that revision, not the head's",
    requires: PAST,
    async run({ store, key, all }) {
      const then = await store.put(key('a'), '1');
      await store.put(key('a'), '2');
      const { bookmark } = await store.list(all, { revision: then.revision });
      expectEqual(bookmark.revision, then.revision, 'the revision of the bookmark');
    },
  },
  {
    id: 'C4.future-revision',
    clauses: ['C4', 'C14'],
    writes: 'outside',
    title: 'a read at a revision that is not there yet is a future-revision error',
    requires: PAST,
    async run({ store, key, all }) {
      const { revision } = await store.put(key('a'), '1');
      const future = { revision: revision + 1_000 };
      await expectStoreError(() => store.get(key('a'), future), 'future-revision', 'get');
      await expectStoreError(() => store.list(all, future), 'future-revision', 'list');
    },
  },
  {
    id: 'C4.bad-revisions-are-invalid',
    clauses: ['C4'],
    writes: 'outside',
    title: 'revisions that are zero, negative, fractional or no number are refused',
    requires: PAST,
    async run({ store, key, all }) {
      await store.put(key('a'), '1');
      for (const bad of [0, -1, 1.5, '1', null]) {
        const revision = bad as number;
        await expectStoreError(() => store.get(key('a'), { revision }), 'invalid-argument', `get at ${show(bad)}`);
        await expectStoreError(() => store.list(all, { revision }), 'invalid-argument', `list at ${show(bad)}`);
      }
    },
  },
  {
    id: 'C4.no-past-is-unsupported',
    clauses: ['C4', 'C15'],
    writes: 'outside',
    title: 'a store that keeps no past refuses to read it',
    requires: { historicalReads: false },
    async run({ store, key }) {
      const { revision } = await store.put(key('a'), '1');
      await expectStoreError(() => store.get(key('a'), { revision }), 'unsupported', 'get at a revision');
    },
  },
  {
    id: 'C4.outage-is-not-absence',
    clauses: ['C4', 'C14'],
    writes: 'none',
    title: 'an unreachable store is an error of every read, never "not there" (trap 14)',
    needs: ['unreachable'],
    async run(context) {
      const { store } = await context.hook('unreachable')();
      context.adopt(store);
      const { key, all } = context;
      await expectStoreError(() => store.get(key('a')), ['unavailable', 'timeout'], 'get');
      await expectStoreError(() => store.list(all), ['unavailable', 'timeout'], 'list');
      await expectStoreError(() => store.list(all, { countOnly: true }), ['unavailable', 'timeout'], 'count');
      const scan = async () => {
        for await (const page of store.scan(all)) return page;
        return undefined;
      };
      await expectStoreError(scan, ['unavailable', 'timeout'], 'scan');
      await expectStoreError(() => store.status(), ['unavailable', 'timeout'], 'status');
    },
  },
];
