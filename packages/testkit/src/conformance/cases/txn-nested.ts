import type { Op } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectTrue, show } from '../expect.js';
import { MULTI } from './support.js';

export const nestedTxnCases: readonly ConformanceCase[] = [
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
];
