import type { Op } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectTrue, fail, show } from '../expect.js';
import { keysOf, MULTI } from './support.js';

export const txnCases: readonly ConformanceCase[] = [
  {
    id: 'C9.then-branch',
    clauses: ['C9'],
    title: 'where all compares hold, or there are none, the then operations run and the else ones do not',
    requires: MULTI,
    async run({ store, key, all }) {
      await store.put(key('x'), '1');
      const then: Op[] = [{ type: 'put', key: key('then'), value: '' }];
      const otherwise: Op[] = [{ type: 'put', key: key('else'), value: '' }];
      const result = await store.txn({
        if: [{ key: key('x'), target: 'value', op: '=', value: '1' }],
        then,
        else: otherwise,
      });
      expectEqual([result.succeeded, result.results.length], [true, 1], 'succeeded and the number of results');
      expectEqual(keysOf(await store.list(all)), [key('then'), key('x')], 'the keys');
      expectEqual((await store.txn({ then })).succeeded, true, 'succeeded without compares');
      expectEqual((await store.txn({})).results, [], 'the results of nothing');
    },
  },
  {
    id: 'C9.else-branch',
    clauses: ['C9'],
    title: 'where one compare of several does not hold, the else operations run and the then ones do not',
    requires: MULTI,
    async run({ store, key, all }) {
      await store.put(key('x'), '1');
      const result = await store.txn({
        if: [
          { key: key('x'), target: 'value', op: '=', value: '1' },
          { key: key('y'), target: 'createRevision', op: '>', value: 0 },
        ],
        then: [{ type: 'put', key: key('then'), value: '' }],
        else: [
          { type: 'get', key: key('x') },
          { type: 'put', key: key('else'), value: '' },
        ],
      });
      expectEqual(
        [result.succeeded, result.results.map(({ type }) => type)],
        [false, ['get', 'put']],
        'succeeded and results',
      );
      expectEqual(keysOf(await store.list(all)), [key('else'), key('x')], 'the keys');
    },
  },
  {
    id: 'C9.results-in-order',
    clauses: ['C9'],
    title: 'there is one result for each operation, in order and of its type',
    requires: MULTI,
    async run({ store, key, prefix }) {
      await store.put(key('d1'), '');
      await store.put(key('d2'), '');
      const before = await store.put(key('x'), 'old');
      const { revision, results } = await store.txn({
        then: [
          { type: 'get', key: key('x') },
          { type: 'put', key: key('a'), value: '1' },
          { type: 'delete', range: { prefix: key('d') } },
          { type: 'get', key: key('none') },
          { type: 'list', range: { prefix: prefix } },
          { type: 'delete', range: key('none') },
        ],
      });
      expectEqual(
        results.map(({ type }) => type),
        ['get', 'put', 'delete', 'get', 'list', 'delete'],
        'the types',
      );
      const [get, put, remove, none, list, nothing] = results;
      expectTrue(
        get?.type === 'get' && get.item?.modRevision === before.revision,
        `get must give the entry, got ${show(get)}`,
      );
      expectTrue(put?.type === 'put' && put.revision === revision, `put must give the revision, got ${show(put)}`);
      expectTrue(remove?.type === 'delete' && remove.deleted === 2, `delete must count 2, got ${show(remove)}`);
      expectTrue(
        none?.type === 'get' && none.item === undefined,
        `get of nothing must be undefined, got ${show(none)}`,
      );
      // Operations run in order, so the list sees what was put and deleted before it.
      expectTrue(list?.type === 'list', `a list result was expected, got ${show(list)}`);
      expectEqual([keysOf(list), list.count], [[key('a'), key('x')], 2], 'keys and count of the list');
      expectTrue(
        nothing?.type === 'delete' && nothing.deleted === 0,
        `delete of nothing must count 0, got ${show(nothing)}`,
      );
    },
  },
  {
    id: 'C9.previous-entries',
    clauses: ['C9', 'C6'],
    title: 'operations of a transaction give previous entries, where asked',
    requires: { ...MULTI, previousValues: true },
    async run({ store, key }) {
      await store.put(key('a'), '1');
      await store.put(key('b'), '2');
      const [a, b] = [await store.get(key('a')), await store.get(key('b'))];
      const { results } = await store.txn({
        then: [
          { type: 'put', key: key('a'), value: 'x', previous: true },
          { type: 'delete', range: key('b'), previous: true },
          { type: 'put', key: key('c'), value: 'x', previous: true },
        ],
      });
      expectEqual(
        results.map((result) => ('previous' in result ? result.previous : undefined)),
        [a, [b], undefined],
        'previous',
      );
    },
  },
  {
    id: 'C9.list-options',
    clauses: ['C9', 'C4'],
    title: 'a list operation takes the options of a list',
    requires: MULTI,
    async run({ store, key, all, prefix }) {
      for (const name of ['a', 'b', 'c']) await store.put(key(name), 'v');
      const range = { prefix };
      const { results } = await store.txn({
        then: [
          { type: 'list', range, limit: 2 },
          { type: 'list', range, countOnly: true },
          { type: 'list', range, keysOnly: true, sort: { target: 'key', order: 'descend' } },
        ],
      });
      const lists = results.map((result) =>
        result.type === 'list' ? result : fail(`a list was expected, got ${result.type}`),
      );
      expectEqual(lists.map(keysOf), [['a', 'b'].map(key), [], ['c', 'b', 'a'].map(key)], 'the keys');
      expectEqual(
        lists.map(({ count, more }, index) => [count, index === 1 ? false : more]),
        [
          [3, true],
          [3, false],
          [3, false],
        ],
        'count and more',
      );
      expectEqual(lists[2]?.items[0]?.value.length, 0, 'the length of a value with keysOnly');
      expectEqual(lists[0]?.bookmark, (await store.list(all)).bookmark, 'the bookmark');
    },
  },
  {
    id: 'C9.keys-only-tells-no-lease',
    clauses: ['C9', 'C4'],
    title: 'a list with keysOnly in a transaction tells neither values nor leases, nested or not',
    requires: { ...MULTI, leases: true },
    async run({ store, key, all }) {
      const { id } = await store.leases.grant(60);
      await store.put(key('a'), 'value', { lease: id });
      const list = { type: 'list', range: all, keysOnly: true } as const;
      const { results } = await store.txn({ then: [list, { type: 'txn', txn: { then: [list] } }] });
      const flat = results.flatMap((result) => (result.type === 'txn' ? result.results : [result]));
      const items = flat.flatMap((result) => (result.type === 'list' ? result.items : []));
      expectEqual(
        items.map((item) => [item.key, item.value, item.lease]),
        [0, 1].map(() => [key('a'), new Uint8Array(), undefined]),
        'items',
      );
    },
  },
];
