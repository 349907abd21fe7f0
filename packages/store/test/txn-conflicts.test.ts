import { describe, expect, test } from '@jest/globals';
import type { Op, Txn } from '@holdfast/store';
import { createStore } from '@holdfast/store/adapter';
import { BOOKMARK, ScriptDriver } from './support/script-driver.js';
import { thrown } from './support/thrown.js';

const put = (key: string): Op => ({ type: 'put', key, value: '' });
const del = (prefix: string): Op => ({ type: 'delete', range: { prefix } });
const nest = (then: Op[], otherwise: Op[] = []): Op => ({ type: 'txn', txn: { then, else: otherwise } });

const store = createStore(
  Object.assign(new ScriptDriver({ maxTxnOperations: 3 }), {
    txn: () => Promise.resolve({ succeeded: true, revision: BOOKMARK.revision, results: [] }),
  }),
);

describe('a key is written once in a transaction', () => {
  test.each<[string, Op[]]>([
    ['two puts', [put('a'), put('a')]],
    ['a put and a delete over it', [put('a'), del('')]],
    ['a nested put of the same key', [put('a'), nest([put('a')])]],
    ['a nested put below a delete', [nest([put('ab')]), del('a')]],
    ['a put that a nested delete covers', [put('ab'), nest([], [del('a')])]],
    ['two nested transactions', [nest([put('a')]), nest([], [put('a')])]],
  ])('%s is refused, in either branch', async (_, ops) => {
    for (const txn of [{ then: ops }, { else: ops }] satisfies Txn[]) {
      expect(await thrown(() => store.txn(txn))).toMatchObject({ code: 'invalid-argument', outcome: 'not-applied' });
    }
  });

  test.each<[string, Txn]>([
    ['the same key in both branches', { then: [put('a')], else: [put('a')] }],
    ['the same key in both branches of a nested one', { then: [nest([put('a')], [put('a')])] }],
    ['a nested put in one branch and a delete in the other', { then: [nest([put('a')], [del('a')])] }],
    ['deletes that overlap', { then: [del('a'), del('ab')] }],
    ['reads of what is written', { then: [put('a'), { type: 'get', key: 'a' }] }],
  ])('%s is taken', async (_, txn) => {
    expect((await store.txn(txn)).succeeded).toBe(true);
  });

  test('more operations than the store takes are `too-large`', async () => {
    const error = await thrown(() => store.txn({ then: ['a', 'b', 'c', 'd'].map(put) }));
    expect(error).toMatchObject({ code: 'too-large', outcome: 'not-applied' });
  });

  test('a transaction nested without end is refused', async () => {
    const op: { type: 'txn'; txn: { then: Op[] } } = { type: 'txn', txn: { then: [] } };
    op.txn.then.push(op);
    expect((await thrown(() => store.txn({ then: [op] }))).code).toBe('invalid-argument');
  });
});
