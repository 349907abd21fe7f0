import type { Compare, Txn } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, show, text } from '../expect.js';

// What every store can do in a transaction: one key, decided and changed in one step.

export const singleKeyTxnCases: readonly ConformanceCase[] = [
  {
    id: 'C9.create-one-key',
    clauses: ['C9'],
    title: 'a transaction creates a key that is absent, and does nothing where it is there',
    async run({ store, key }) {
      const create = (value: string): Txn => ({
        if: [{ key: key('a'), target: 'createRevision', op: '=', value: 0 }],
        then: [{ type: 'put', key: key('a'), value }],
      });
      const created = await store.txn(create('1'));
      expectEqual([created.succeeded, created.results.map(({ type }) => type)], [true, ['put']], 'the first');
      const again = await store.txn(create('2'));
      expectEqual([again.succeeded, again.results], [false, []], 'the second');
      const entry = await store.get(key('a'));
      expectEqual([text(entry?.value), entry?.modRevision], ['1', created.revision], 'value and modRevision');
    },
  },
  {
    id: 'C9.swap-one-key',
    clauses: ['C9'],
    title: 'a transaction replaces a key by its revision or value, and only then',
    async run({ store, key }) {
      const swap = async (condition: { readonly modRevision: number } | { readonly value: string }, value: string) => {
        const compare: Compare =
          'value' in condition
            ? { key: key('a'), target: 'value', op: '=', value: condition.value }
            : { key: key('a'), target: 'modRevision', op: '=', value: condition.modRevision };
        return (await store.txn({ if: [compare], then: [{ type: 'put', key: key('a'), value }] })).succeeded;
      };
      const { revision } = await store.put(key('a'), '1');
      expectEqual(await swap({ modRevision: revision }, '2'), true, 'the swap by the revision');
      expectEqual(await swap({ modRevision: revision }, '3'), false, 'the swap by an old revision');
      expectEqual(await swap({ value: '1' }, '4'), false, 'the swap by an old value');
      expectEqual(await swap({ value: '2' }, '5'), true, 'the swap by the value');
      expectEqual(text((await store.get(key('a')))?.value), '5', 'the value');
    },
  },
  {
    id: 'C9.delete-one-key',
    clauses: ['C9'],
    title: 'a transaction deletes a key by its revision, and only then',
    async run({ store, key }) {
      const old = await store.put(key('a'), '1');
      const { revision } = await store.put(key('a'), '2');
      const remove = (value: number) =>
        store.txn({
          if: [{ key: key('a'), target: 'modRevision', op: '=', value }],
          then: [{ type: 'delete', range: key('a') }],
        });
      expectTrue(!(await remove(old.revision)).succeeded, 'the delete by the old revision must fail');
      expectTrue((await store.get(key('a'))) !== undefined, 'the key must still be there');
      expectTrue((await remove(revision)).succeeded, 'the delete by the revision must succeed');
      expectEqual(await store.get(key('a')), undefined, 'the key');
      expectTrue(!(await remove(revision)).succeeded, 'the delete of an absent key must fail');
    },
  },
  {
    id: 'C9.ask-for-one-key',
    clauses: ['C9'],
    title: 'version = 0 and > 0 tell whether a key is there, on every store; what is read is what was decided on',
    async run({ store, key }) {
      const ask = (op: '=' | '>') =>
        store.txn({
          if: [{ key: key('a'), target: 'version', op, value: 0 }],
          then: [{ type: 'get', key: key('a') }],
          else: [{ type: 'get', key: key('a') }],
        });
      expectEqual([(await ask('=')).succeeded, (await ask('>')).succeeded], [true, false], 'of an absent key');
      await store.put(key('a'), '1');
      const entry = await store.get(key('a'));
      expectEqual([(await ask('=')).succeeded, (await ask('>')).succeeded], [false, true], 'of a key that is there');
      const [result] = (await ask('=')).results;
      expectEqual(result?.type === 'get' && result.item, entry, 'the entry read');
    },
  },
  {
    id: 'C9.one-creator-wins',
    clauses: ['C9'],
    title: 'of many transactions that create a key at once exactly one succeeds',
    async run(context) {
      const { store, key } = context;
      const stores = [store, await context.connect()];
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          (stores[index % 2] ?? store).txn({
            if: [{ key: key('a'), target: 'createRevision', op: '=', value: 0 }],
            then: [{ type: 'put', key: key('a'), value: String(index) }],
          }),
        ),
      );
      const winners = results.flatMap(({ succeeded }, index) => (succeeded ? [String(index)] : []));
      expectEqual(winners.length, 1, 'the number of winners');
      expectEqual(text((await store.get(key('a')))?.value), winners[0], 'the value');
    },
  },
  {
    id: 'C15.undeclared-versions-are-unsupported',
    clauses: ['C15', 'C9'],
    title: 'a store without versions refuses to compare them, or to sort by them',
    requires: { versions: false },
    async run({ store, key, all }) {
      const compare: Compare = { key: key('a'), target: 'version', op: '=', value: 2 };
      await expectStoreError(
        () => store.txn({ if: [compare], then: [{ type: 'get', key: key('a') }] }),
        'unsupported',
        'version = 2',
      );
      const sort = { target: 'version', order: 'ascend' } as const;
      await expectStoreError(() => store.list(all, { sort }), 'unsupported', `list sorted by ${show(sort)}`);
    },
  },
];
