import type { Compare, Op, TxnResult } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import type { ConformanceContext } from '../context.js';
import { expectEqual, expectStoreError, expectTrue, fail, show, text } from '../expect.js';
import { keysOf, untyped } from './support.js';

const MULTI = { transactions: 'multi-key' } as const;

/** Whether a compare holds. */
async function holds({ store }: ConformanceContext, compare: Compare): Promise<boolean> {
  return (await store.txn({ if: [compare] })).succeeded;
}

/** A compare of each operator, and whether it should hold for a quantity that is below, at or above the value compared to. */
async function expectCompares(
  context: ConformanceContext,
  make: (op: Compare['op'], value: 'below' | 'same' | 'above') => Compare,
  what: string,
): Promise<void> {
  // The entry's quantity compared with a value below it, the same, and above it.
  const expected = {
    '=': [false, true, false],
    '!=': [true, false, true],
    '<': [false, false, true],
    '>': [true, false, false],
  };
  for (const op of ['=', '!=', '<', '>'] as const) {
    const held = [];
    for (const value of ['below', 'same', 'above'] as const) held.push(await holds(context, make(op, value)));
    expectEqual(held, expected[op], `${what} ${op} a value below, the same, above`);
  }
}

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
    id: 'C9.compare-values',
    clauses: ['C9'],
    title: 'values compare as bytes with = != < >',
    requires: MULTI,
    async run(context) {
      const { store, key } = context;
      await store.put(key('x'), 'bb');
      // 'b' is a prefix of it, and 'é' is above ASCII in bytes.
      for (const values of [
        { below: 'b', same: 'bb', above: 'bba' },
        { below: 'ba', same: 'bb', above: '\u00e9' },
      ]) {
        await expectCompares(
          context,
          (op, value) => ({ key: key('x'), target: 'value', op, value: values[value] }),
          'value',
        );
      }
    },
  },
  {
    id: 'C9.compare-versions',
    clauses: ['C9'],
    title: 'versions compare with = != < >',
    requires: { ...MULTI, versions: true },
    async run(context) {
      const { store, key } = context;
      for (const value of ['1', '2', '3']) await store.put(key('x'), value);
      const values = { below: 2, same: 3, above: 4 };
      await expectCompares(
        context,
        (op, value) => ({ key: key('x'), target: 'version', op, value: values[value] }),
        'version',
      );
    },
  },
  {
    id: 'C9.compare-revisions',
    clauses: ['C9'],
    title: 'create and mod revisions compare with = != < >, each as itself',
    requires: MULTI,
    async run(context) {
      const { store, key } = context;
      const created = (await store.put(key('x'), '1')).revision;
      const changed = (await store.put(key('x'), '2')).revision;
      for (const [target, revision] of [
        ['createRevision', created],
        ['modRevision', changed],
      ] as const) {
        const values = { below: revision - 1, same: revision, above: revision + 1 };
        await expectCompares(context, (op, value) => ({ key: key('x'), target, op, value: values[value] }), target);
      }
    },
  },
  {
    id: 'C9.compare-leases',
    clauses: ['C9'],
    title: 'the lease of a key compares, and is 0 where there is none',
    requires: { ...MULTI, leases: true },
    async run(context) {
      const { store, key } = context;
      const { id } = await store.leases.grant(60);
      await store.put(key('x'), '', { lease: id });
      await store.put(key('y'), '');
      const lease = (name: string, op: Compare['op'], value: string | 0) =>
        holds(context, { key: key(name), target: 'lease', op, value: value as '1' | 0 });
      expectEqual([await lease('x', '=', id), await lease('x', '!=', id)], [true, false], "x's lease = and != its own");
      expectEqual([await lease('x', '=', 0), await lease('x', '>', 0)], [false, true], "x's lease = and > 0");
      expectEqual([await lease('y', '=', 0), await lease('y', '=', id)], [true, false], "y's lease = 0 and = x's");
      await store.leases.revoke(id);
    },
  },
  {
    id: 'C9.absent-keys-are-zero',
    clauses: ['C9'],
    title: 'an absent key has version, create revision, mod revision and lease 0',
    requires: MULTI,
    async run(context) {
      const { store, key } = context;
      await store.put(key('gone'), '');
      await store.delete(key('gone'));
      const targets = [
        'createRevision',
        'modRevision',
        'version',
        ...(store.capabilities.leases ? ['lease' as const] : []),
      ] as const;
      for (const name of ['never', 'gone']) {
        for (const target of targets) {
          expectTrue(
            await holds(context, { key: key(name), target, op: '=', value: 0 } as Compare),
            `${target} of ${name} must be 0`,
          );
          expectTrue(
            !(await holds(context, { key: key(name), target, op: '>', value: 0 } as Compare)),
            `${target} of ${name} must not be above 0`,
          );
        }
      }
    },
  },
  {
    id: 'C9.value-compare-of-absent-is-false',
    clauses: ['C9'],
    title: 'a value compare on an absent key is false, with every operator, != too',
    requires: MULTI,
    async run(context) {
      for (const op of ['=', '!=', '<', '>'] as const) {
        for (const value of ['', 'x']) {
          const held = await holds(context, { key: context.key('x'), target: 'value', op, value });
          expectEqual(held, false, `value ${op} ${show(value)} on an absent key`);
        }
      }
    },
  },
  {
    id: 'C9.compare-a-range',
    clauses: ['C9'],
    title: 'a compare on a range holds where it holds for every key of it',
    requires: MULTI,
    async run(context) {
      const { store, key } = context;
      const first = (await store.put(key('r/a'), '1')).revision;
      const last = (await store.put(key('r/b'), '1')).revision;
      const range = { prefix: key('r/') };
      const mod = (op: Compare['op'], value: number) => holds(context, { range, target: 'modRevision', op, value });
      expectEqual(
        [await mod('<', last + 1), await mod('<', last)],
        [true, false],
        'modRevision < head + 1, and < head',
      );
      expectEqual(
        [await mod('>', first - 1), await mod('=', first)],
        [true, false],
        'modRevision > before, and = the first',
      );
      const value = (expected: string) => holds(context, { range, target: 'value', op: '=', value: expected });
      expectEqual([await value('1'), await value('2')], [true, false], 'value = 1, and = 2');
      await store.put(key('r/b'), '2');
      expectEqual(await value('1'), false, 'value = 1 where one differs');
    },
  },
  {
    id: 'C9.compare-an-empty-range',
    clauses: ['C9'],
    title: 'a range without keys compares as an absent key',
    requires: MULTI,
    async run(context) {
      const range = { prefix: context.key('r/') };
      expectTrue(
        await holds(context, { range, target: 'createRevision', op: '=', value: 0 }),
        'createRevision = 0 must hold',
      );
      expectTrue(
        !(await holds(context, { range, target: 'createRevision', op: '>', value: 0 })),
        'createRevision > 0 must not hold',
      );
      expectTrue(!(await holds(context, { range, target: 'value', op: '!=', value: 'x' })), 'value != x must not hold');
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
    id: 'C9.one-revision',
    clauses: ['C9'],
    title: 'all writes of a transaction are of one revision, the one it tells',
    requires: MULTI,
    async run({ store, key, all }) {
      const before = await store.put(key('b'), 'old');
      const { revision } = await store.txn({
        then: ['a', 'b', 'c'].map((name) => ({ type: 'put', key: key(name), value: 'new' })),
      });
      const { items, bookmark } = await store.list(all);
      expectTrue(revision > before.revision, 'the transaction must take a revision');
      expectEqual(
        items.map((item) => item.modRevision),
        [revision, revision, revision],
        'the modRevisions',
      );
      expectEqual(bookmark.revision, revision, 'the head');
    },
  },
  {
    id: 'C9.read-only-takes-no-revision',
    clauses: ['C9', 'C3'],
    title: 'a transaction that writes nothing takes no revision',
    requires: MULTI,
    async run({ store, key, all }) {
      const { revision } = await store.put(key('a'), '1');
      const result = await store.txn({
        then: [
          { type: 'get', key: key('a') },
          { type: 'list', range: all },
          { type: 'delete', range: key('none') },
        ],
      });
      expectEqual(result.revision, revision, 'the revision told');
      expectEqual((await store.list(all)).bookmark.revision, revision, 'the head');
    },
  },
  {
    id: 'C9.one-batch',
    clauses: ['C9', 'C10'],
    title: 'a transaction is one batch of a watch, whole',
    requires: MULTI,
    async run(context) {
      const { store, key } = context;
      await store.put(key('b'), '');
      const reader = await context.follow();
      await store.txn({
        then: [
          { type: 'put', key: key('a'), value: '1' },
          { type: 'delete', range: key('b') },
          { type: 'put', key: key('c'), value: '1' },
        ],
      });
      await reader.untilEvents(1);
      const batch = reader.batches.find(({ events }) => events.length > 0);
      expectEqual(
        batch?.events.map(({ type }) => type).sort(),
        ['delete', 'put', 'put'],
        'the events of the first batch',
      );
    },
  },
  {
    id: 'C9.never-seen-half',
    clauses: ['C9', 'C4'],
    title: 'no reader sees a transaction half done',
    requires: MULTI,
    async run(context) {
      const { store, key, all } = context;
      const reader = await context.connect();
      const names = ['a', 'b', 'c', 'd'].map(key);
      const write = (value: string) => store.txn({ then: names.map((name) => ({ type: 'put', key: name, value })) });
      await write('0');
      let writing = true;
      const read = async () => {
        while (writing) {
          const { items } = await reader.list(all);
          const seen = new Set(items.map((item) => `${text(item.value)}@${item.modRevision}`));
          expectEqual([items.length, seen.size], [4, 1], `keys and distinct values in ${show([...seen])}`);
        }
      };
      const reading = Promise.all([read(), read()]);
      try {
        for (let round = 1; round <= 40; round++) await write(String(round));
      } finally {
        writing = false;
        await reading;
      }
    },
  },
  {
    id: 'C9.all-or-nothing',
    clauses: ['C9'],
    title: 'a transaction with an operation that fails does none of the others',
    requires: { ...MULTI, leases: true },
    async run({ store, key, all }) {
      const { revision } = await store.put(key('x'), '1');
      const fine: Op[] = [
        { type: 'put', key: key('a'), value: '' },
        { type: 'delete', range: key('x') },
      ];
      const lease = () => store.txn({ then: [...fine, { type: 'put', key: key('b'), value: '', lease: '4242' }] });
      const error = await expectStoreError(lease, 'lease-not-found', 'a txn with an unknown lease');
      expectEqual(error.outcome, 'not-applied', 'outcome');
      const ignore = () => store.txn({ then: [...fine, { type: 'put', key: key('b'), value: '', ignoreValue: true }] });
      await expectStoreError(ignore, 'not-found', 'a txn with ignoreValue of nothing');
      const list = await store.list(all);
      expectEqual([keysOf(list), list.bookmark.revision], [[key('x')], revision], 'the keys and the head');
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
    id: 'C9.nested',
    clauses: ['C9'],
    title: 'a nested transaction chooses its own branch, at the same revision',
    requires: MULTI,
    async run({ store, key, all }) {
      await store.put(key('x'), '1');
      const nested = (value: string): Op => ({
        type: 'txn',
        txn: {
          if: [{ key: key('x'), target: 'value', op: '=', value }],
          then: [{ type: 'put', key: key(`then-${value}`), value: '' }],
          else: [{ type: 'put', key: key(`else-${value}`), value: '' }],
        },
      });
      const { revision, results } = await store.txn({
        then: [nested('1'), { type: 'put', key: key('a'), value: '' }, nested('2')],
      });
      expectEqual(
        results.map(({ type }) => type),
        ['txn', 'put', 'txn'],
        'the types of the results',
      );
      expectEqual(
        results.map((result) => (result.type === 'txn' ? result.succeeded : undefined)),
        [true, undefined, false],
        'succeeded',
      );
      const { items } = await store.list(all);
      const written = items.filter((item) => item.modRevision === revision).map((item) => item.key);
      expectEqual(written, ['a', 'else-2', 'then-1'].map(key), 'the keys written at the revision');
    },
  },
  {
    id: 'C9.nested-compares-see-the-start',
    clauses: ['C9'],
    title: 'the compares of nested transactions are on the state before the transaction',
    requires: MULTI,
    async run({ store, key }) {
      await store.put(key('x'), 'old');
      const { results } = await store.txn({
        then: [
          { type: 'put', key: key('x'), value: 'new' },
          { type: 'txn', txn: { if: [{ key: key('x'), target: 'value', op: '=', value: 'old' }] } },
        ],
      });
      expectTrue(
        results[1]?.type === 'txn' && results[1].succeeded,
        `the nested compare must see "old", got ${show(results[1])}`,
      );
    },
  },
  {
    id: 'C9.no-key-twice',
    clauses: ['C9'],
    title: 'a transaction that writes a key twice is refused, and writes nothing; its two branches may',
    requires: MULTI,
    async run({ store, key, all, prefix }) {
      const put: Op = { type: 'put', key: key('a'), value: '1' };
      const bad: Op[][] = [
        [put, put],
        [put, { type: 'delete', range: key('a') }],
        [{ type: 'delete', range: { prefix } }, put],
        [put, { type: 'txn', txn: { then: [put] } }],
        [put, { type: 'txn', txn: { else: [put] } }],
        [
          { type: 'txn', txn: { then: [put] } },
          { type: 'txn', txn: { then: [put] } },
        ],
      ];
      for (const then of bad) {
        const error = await expectStoreError(() => store.txn({ then }), 'invalid-argument', `txn of ${show(then)}`);
        expectEqual(error.outcome, 'not-applied', 'outcome');
      }
      const otherwise = () =>
        store.txn({ if: [{ key: key('x'), target: 'createRevision', op: '>', value: 0 }], else: [put, put] });
      await expectStoreError(otherwise, 'invalid-argument', 'txn with a key twice in else');
      expectEqual((await store.list(all)).count, 0, 'count after the refused ones');
      await store.txn({ then: [put], else: [put] });
      const inEither: Op = { type: 'txn', txn: { then: [put], else: [put] } };
      await store.txn({ then: [inEither] });
      expectEqual((await store.list(all)).count, 1, 'count after the accepted ones');
    },
  },
  {
    id: 'C9.too-many-operations',
    clauses: ['C9', 'C15'],
    title: 'as many operations as are declared are taken, and one more is refused before anything is written',
    requires: { ...MULTI, maxTxnOperations: (most) => most !== undefined },
    async run({ store, key, all }) {
      const most = store.capabilities.maxTxnOperations ?? 0;
      const puts = (count: number) =>
        Array.from({ length: count }, (_, index): Op => ({ type: 'put', key: key(String(index)), value: '' }));
      const error = await expectStoreError(
        () => store.txn({ then: puts(most + 1) }),
        'too-large',
        `txn of ${most + 1} operations`,
      );
      expectEqual(error.outcome, 'not-applied', 'outcome');
      const compare: Compare = { key: key('a'), target: 'createRevision', op: '=', value: 0 };
      await expectStoreError(
        () => store.txn({ if: Array(most + 1).fill(compare) as Compare[] }),
        'too-large',
        `txn of ${most + 1} compares`,
      );
      expectEqual((await store.list(all)).count, 0, 'count after the refused ones');
      await store.txn({ then: puts(most) });
      expectEqual((await store.list(all)).count, most, 'count after the accepted one');
    },
  },
  {
    id: 'C9.bad-transactions-are-invalid',
    clauses: ['C9', 'C16'],
    title: 'transactions of no known shape are refused, and write nothing',
    requires: MULTI,
    async run({ store, key, all }) {
      const put = { type: 'put', key: key('a'), value: '' };
      const compare = { key: key('a'), target: 'modRevision', op: '=', value: 0 };
      const bad: unknown[] = [
        undefined,
        { than: [put] },
        { then: put },
        { then: [put, { type: 'increment', key: key('b') }] },
        { then: [{ ...put, ttl: 5 }] },
        { then: [{ ...put, valeu: 'x' }] },
        { then: [put, { type: 'list', range: {} }] },
        { then: [put], if: [{ ...compare, op: '==' }] },
        { then: [put], if: [{ ...compare, target: 'ttl' }] },
        { then: [put], if: [{ ...compare, value: -1 }] },
        { then: [put], if: [{ ...compare, value: 'x' }] },
        { then: [put], if: [{ ...compare, range: all }] },
        { then: [put], if: [{ target: 'modRevision', op: '=', value: 0 }] },
      ];
      for (const txn of bad) {
        await expectStoreError(() => untyped(store).txn(txn), 'invalid-argument', `txn ${show(txn)}`);
      }
      expectEqual((await store.list(all)).count, 0, 'count');
    },
  },
  {
    id: 'C9.concurrent-transfers',
    clauses: ['C9'],
    title: 'transfers between two keys by many at once keep their sum',
    requires: MULTI,
    async run(context) {
      const { store, key } = context;
      await store.txn({ then: ['a', 'b'].map((name) => ({ type: 'put', key: key(name), value: '50' })) });
      const transfer = async (): Promise<TxnResult> => {
        for (;;) {
          const [a, b] = [await store.get(key('a')), await store.get(key('b'))];
          const move = (entry: typeof a, by: number) => String(Number(text(entry?.value)) + by);
          const result = await store.txn({
            if: [a, b].map((entry): Compare => ({
              key: entry?.key ?? '',
              target: 'modRevision',
              op: '=',
              value: entry?.modRevision ?? 0,
            })),
            then: [
              { type: 'put', key: key('a'), value: move(a, -1) },
              { type: 'put', key: key('b'), value: move(b, 1) },
            ],
          });
          if (result.succeeded) return result;
        }
      };
      await Promise.all(Array.from({ length: 6 }, transfer));
      const values = [await store.get(key('a')), await store.get(key('b'))].map((entry) => text(entry?.value));
      expectEqual(values, ['44', '56'], 'the values');
    },
  },
  {
    id: 'C15.single-key-refuses-more',
    clauses: ['C15', 'C9'],
    title: 'a store of single-key transactions refuses others before anything is written',
    requires: { transactions: 'single-key' },
    async run({ store, key, all }) {
      const then: Op[] = ['a', 'b'].map((name) => ({ type: 'put', key: key(name), value: '' }));
      await expectStoreError(() => store.txn({ then }), 'unsupported', 'txn of two keys');
      expectEqual((await store.list(all)).count, 0, 'count');
    },
  },
];
