import type { Compare, Op } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, show } from '../expect.js';
import { keysOf, MULTI, untyped } from './support.js';

export const txnRefusalCases: readonly ConformanceCase[] = [
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
