import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, show } from '../expect.js';
import { expectRefused, untyped } from './support.js';

export const guardedDeleteCases: readonly ConformanceCase[] = [
  {
    id: 'C6.guarded-delete-by-revision',
    clauses: ['C6', 'C3'],
    title: 'a delete with ifModRevision deletes that revision of the key and no other',
    async run(context) {
      const { store, key } = context;
      const first = await store.put(key('a'), '1');
      const second = await store.put(key('a'), '2');
      const old = () => store.delete(key('a'), { ifModRevision: first.revision });
      await expectRefused(context, old, 'the delete of the old revision');
      const result = await store.delete(key('a'), { ifModRevision: second.revision });
      expectTrue(result.succeeded, 'the delete of the current revision must succeed');
      expectEqual(result.deleted, 1, 'deleted');
      expectEqual(await store.get(key('a')), undefined, 'the key');
    },
  },
  {
    id: 'C6.guarded-delete-by-value',
    clauses: ['C6'],
    title: 'a delete with ifValue deletes the key with that value and no other',
    async run(context) {
      const { store, key } = context;
      await store.put(key('a'), 'one');
      for (const ifValue of ['on', '']) {
        await expectRefused(
          context,
          () => store.delete(key('a'), { ifValue }),
          `the delete with ifValue ${show(ifValue)}`,
        );
      }
      expectTrue((await store.delete(key('a'), { ifValue: 'one' })).succeeded, 'the delete must succeed');
      expectEqual(await store.get(key('a')), undefined, 'the key');
    },
  },
  {
    id: 'C6.guarded-delete-of-nothing',
    clauses: ['C6'],
    title: 'a guarded delete of an absent key fails as a result, without an entry',
    async run(context) {
      const { store, key } = context;
      const { revision } = await store.put(key('b'), '1');
      await expectRefused(context, () => store.delete(key('a'), { ifModRevision: revision }), 'ifModRevision');
      await expectRefused(context, () => store.delete(key('a'), { ifValue: '' }), 'ifValue');
    },
  },
  {
    id: 'C6.guarded-delete-previous',
    clauses: ['C6'],
    title: 'a guarded delete gives the entry that it deleted, where asked',
    requires: { previousValues: true },
    async run({ store, key }) {
      await store.put(key('a'), '1');
      const before = await store.get(key('a'));
      const result = await store.delete(key('a'), { ifValue: '1', previous: true });
      expectEqual(result.succeeded && result.previous, [before], 'previous');
    },
  },
  {
    id: 'C6.bad-delete-guards-are-invalid',
    clauses: ['C6', 'C16'],
    title: 'a guard of a range, a guard that deletes do not take, or two, are refused, and nothing is deleted',
    async run({ store, key, all }) {
      const { revision } = await store.put(key('a'), '1');
      const bad: [unknown, Record<string, unknown>][] = [
        [all, { ifModRevision: revision }],
        [all, { ifValue: '1' }],
        [key('a'), { ifModRevision: revision, ifValue: '1' }],
        [key('a'), { ifModRevision: undefined }],
        [key('a'), { ifModRevision: 0 }],
        [key('a'), { ifPresent: true }],
        [key('a'), { ifAbsent: true }],
      ];
      for (const [range, options] of bad) {
        const call = () => untyped(store).delete(range, options);
        await expectStoreError(call, 'invalid-argument', `delete of ${show(range)} with ${show(options)}`);
      }
      expectTrue((await store.get(key('a'))) !== undefined, 'the key must still be there');
    },
  },
];
