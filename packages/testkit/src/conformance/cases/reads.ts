import type { SortOrder } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, show, text } from '../expect.js';
import { keysOf, padded, putMany } from './support.js';

const PAST = { historicalReads: true } as const;
const DELTA = { deltaReads: true } as const;

export const readCases: readonly ConformanceCase[] = [
  {
    id: 'C4.get-gives-the-entry',
    clauses: ['C4', 'C3'],
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
    title: 'a list of more than 4 MiB comes whole',
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
    title: 'a store that keeps no past refuses to read it',
    requires: { historicalReads: false },
    async run({ store, key }) {
      const { revision } = await store.put(key('a'), '1');
      await expectStoreError(() => store.get(key('a'), { revision }), 'unsupported', 'get at a revision');
    },
  },
  {
    id: 'C4.limit-takes-the-first',
    clauses: ['C4'],
    title: 'a limit gives the first entries, says that there are more, and leaves count alone',
    async run({ store, key, all }) {
      await putMany(store, 5, (index) => key(String(index)));
      const list = await store.list(all, { limit: 2 });
      expectEqual([keysOf(list), list.more, list.count], [[key('0'), key('1')], true, 5], 'keys, more and count');
    },
  },
  {
    id: 'C4.limit-not-reached',
    clauses: ['C4'],
    title: 'where the limit covers the range there are no more',
    async run({ store, key, all }) {
      await putMany(store, 3, (index) => key(String(index)));
      for (const limit of [3, 4, 1_000]) {
        const { items, more, count } = await store.list(all, { limit });
        expectEqual([items.length, more, count], [3, false, 3], `length, more and count with limit ${limit}`);
      }
    },
  },
  {
    id: 'C4.bad-limits-are-invalid',
    clauses: ['C4'],
    title: 'limits that are zero, negative or fractional are refused',
    async run({ store, all }) {
      for (const limit of [0, -1, 1.5, NaN]) {
        await expectStoreError(() => store.list(all, { limit }), 'invalid-argument', `list with limit ${limit}`);
      }
    },
  },
  {
    id: 'C4.keys-only',
    clauses: ['C4'],
    title: 'keysOnly gives the entries without their values, revisions and all',
    async run({ store, key, all }) {
      const { revision } = await store.put(key('a'), 'long value');
      const list = await store.list(all, { keysOnly: true });
      expectEqual(
        list.items.map((item) => [item.key, item.value, item.modRevision]),
        [[key('a'), new Uint8Array(), revision]],
        'items',
      );
    },
  },
  {
    id: 'C4.count-only',
    clauses: ['C4'],
    title: 'countOnly gives the count and no items, with a limit too',
    async run({ store, key, all }) {
      await putMany(store, 4, (index) => key(String(index)));
      const list = await store.list(all, { countOnly: true });
      expectEqual([list.items, list.count], [[], 4], 'items and count');
      const limited = await store.list(all, { countOnly: true, limit: 2 });
      expectEqual([limited.items, limited.count], [[], 4], 'items and count with a limit');
    },
  },
  {
    id: 'C4.delta-reads',
    clauses: ['C4'],
    title: 'minModRevision gives what changed since, and leaves count alone',
    requires: DELTA,
    async run({ store, key, all }) {
      await putMany(store, 5, (index) => key(String(index)));
      const since = await store.put(key('1'), 'new');
      await store.put(key('3'), 'new');
      const list = await store.list(all, { minModRevision: since.revision });
      expectEqual([keysOf(list), list.count, list.more], [[key('1'), key('3')], 5, false], 'keys, count and more');
    },
  },
  {
    id: 'C4.delta-reads-keep-the-limit',
    clauses: ['C4'],
    title: 'a limit holds for what minModRevision lets through (etcd ignores it there)',
    requires: DELTA,
    async run({ store, key, all }) {
      const first = await store.put(key('0'), '');
      for (const name of ['1', '2', '3', '4']) await store.put(key(name), '');
      const list = await store.list(all, { minModRevision: first.revision + 1, limit: 2 });
      expectEqual([keysOf(list), list.count, list.more], [[key('1'), key('2')], 5, true], 'keys, count and more');
    },
  },
  {
    id: 'C4.no-delta-is-unsupported',
    clauses: ['C4', 'C15'],
    title: 'a store without delta reads refuses them',
    requires: { deltaReads: false },
    async run({ store, all }) {
      await expectStoreError(() => store.list(all, { minModRevision: 1 }), 'unsupported', 'list with minModRevision');
    },
  },
  {
    id: 'C4.sort-orders',
    clauses: ['C4'],
    title: 'a list can be sorted by each target, in both orders',
    async run({ store, key, all }) {
      // By key a b c; by creation b c a; by change c a b; by version a b c; by value c b a.
      await store.put(key('b'), '-');
      await store.put(key('c'), '-');
      await store.put(key('a'), '-');
      await store.put(key('c'), '-');
      await store.put(key('c'), '1');
      await store.put(key('a'), '3');
      await store.put(key('b'), '2');
      await store.put(key('b'), '2');
      await store.put(key('c'), '1');
      await store.put(key('c'), '1');
      await store.put(key('a'), '3');
      await store.put(key('b'), '2');
      const orders: [SortOrder['target'], string][] = [
        ['key', 'abc'],
        ['createRevision', 'bca'],
        ['modRevision', 'cab'],
        ['value', 'cba'],
      ];
      if (store.capabilities.versions) orders.push(['version', 'abc']);
      for (const [target, ascending] of orders) {
        const ascend = keysOf(await store.list(all, { sort: { target, order: 'ascend' } }));
        expectEqual(ascend, [...ascending].map(key), `by ${target}, ascending`);
        const descend = keysOf(await store.list(all, { sort: { target, order: 'descend' } }));
        expectEqual(descend, [...ascending].reverse().map(key), `by ${target}, descending`);
      }
    },
  },
  {
    id: 'C4.sort-before-limit',
    clauses: ['C4'],
    title: 'a limit takes the first of the sorted entries',
    async run({ store, key, all }) {
      for (const name of ['c', 'a', 'd', 'b']) await store.put(key(name), '');
      const newest = await store.list(all, { sort: { target: 'modRevision', order: 'descend' }, limit: 1 });
      expectEqual([keysOf(newest), newest.count, newest.more], [[key('b')], 4, true], 'the newest, count and more');
      const last = await store.list(all, { sort: { target: 'key', order: 'descend' }, limit: 2 });
      expectEqual(keysOf(last), [key('d'), key('c')], 'the last two keys');
    },
  },
  {
    id: 'C4.options-combine',
    clauses: ['C4'],
    title: 'revision, limit, keysOnly and sort hold together',
    requires: PAST,
    async run({ store, key, all }) {
      await putMany(store, 4, (index) => key(String(index)));
      const { revision } = await store.put(key('0'), 'new');
      await store.put(key('9'), '');
      const sort = { target: 'key', order: 'descend' } as const;
      const list = await store.list(all, { revision, limit: 3, keysOnly: true, sort });
      expectEqual(keysOf(list), ['3', '2', '1'].map(key), 'keys');
      expectEqual(
        [list.count, list.more, list.items[0]?.value.length],
        [4, true, 0],
        'count, more and length of a value',
      );
    },
  },
  {
    id: 'C4.bad-options-are-invalid',
    clauses: ['C4', 'C16'],
    title: 'misspelt options, and values that no option takes, are refused',
    async run({ store, key, all }) {
      const bad: Record<string, unknown>[] = [
        { consistency: 'eventual' },
        { sort: { target: 'name', order: 'ascend' } },
        { sort: { target: 'key', order: 'up' } },
        { sort: 'key' },
        { keysOnly: 1 },
        { countOnly: 'yes' },
        { minModRevison: 3 },
        { timeoutMs: 0 },
        { timeoutMs: -1 },
        { timeoutMs: '5s' },
        { signal: {} },
      ];
      for (const options of bad) {
        await expectStoreError(() => store.list(all, options), 'invalid-argument', `list with ${show(options)}`);
      }
      for (const options of [{ consistency: 'eventual' }, { limit: 1 }, { timeoutMs: 0 }]) {
        const get = () => store.get(key('a'), options as object);
        await expectStoreError(get, 'invalid-argument', `get with ${show(options)}`);
      }
    },
  },
  {
    id: 'C4.outage-is-not-absence',
    clauses: ['C4', 'C14'],
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
