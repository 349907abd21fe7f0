import type { SortOrder } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, show } from '../expect.js';
import { keysOf, putMany } from './support.js';

const PAST = { historicalReads: true } as const;
const DELTA = { deltaReads: true } as const;

export const listOptionCases: readonly ConformanceCase[] = [
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
    writes: 'none',
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
    writes: 'outside',
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
    id: 'C4.keys-only-tells-no-lease',
    clauses: ['C4'],
    title: 'an entry read with keysOnly tells neither value nor lease, although it has both',
    requires: { leases: true },
    async run({ store, key, all }) {
      const { id } = await store.leases.grant(60);
      await store.put(key('a'), 'value', { lease: id });
      const list = await store.list(all, { keysOnly: true });
      expectEqual(
        list.items.map((item) => [item.key, item.value, item.lease]),
        [[key('a'), new Uint8Array(), undefined]],
        'items',
      );
      expectEqual((await store.get(key('a')))?.lease, id, 'the lease of the whole entry');
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
    writes: 'outside',
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
    writes: 'outside',
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
    writes: 'outside',
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
    writes: 'none',
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
];
