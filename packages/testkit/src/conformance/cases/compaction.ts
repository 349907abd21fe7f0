import { toRevision, type Op, type Txn } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, show, text } from '../expect.js';
import { keysOf } from './support.js';

const COMPACTS = { compaction: true, historicalReads: true } as const;

export const compactionCases: readonly ConformanceCase[] = [
  {
    id: 'C4.compacted-past',
    clauses: ['C4', 'C14'],
    title: 'a read before the compacted revision is a CompactedError that tells it',
    requires: COMPACTS,
    async run({ store, key, all }) {
      const old = await store.put(key('a'), '1');
      await store.put(key('a'), '2');
      const { revision } = await store.put(key('a'), '3');
      await store.compact(revision);
      const at = { revision: old.revision };
      for (const error of [
        await expectStoreError(() => store.get(key('a'), at), 'compacted', 'get'),
        await expectStoreError(() => store.list(all, at), 'compacted', 'list'),
      ]) {
        expectEqual([error.name, error.compactRevision], ['CompactedError', revision], 'name and compactRevision');
      }
    },
  },
  {
    id: 'C9.compacted-past',
    clauses: ['C9', 'C4', 'C7'],
    title: 'a list of the past or the future in a transaction is refused as outside of one, and nothing is written',
    requires: { ...COMPACTS, transactions: 'multi-key' },
    async run({ store, key, all }) {
      const old = await store.put(key('a'), '1');
      await store.put(key('a'), '2');
      const { revision } = await store.put(key('a'), '3');
      await store.compact(revision);
      const past = { type: 'list', range: all, revision: old.revision } as const;
      const future = { ...past, revision: toRevision(revision + 1_000) };
      const put = { type: 'put', key: key('b'), value: '' } as const;
      const absent = { key: key('x'), target: 'createRevision', op: '>', value: 0 } as const;
      for (const [what, txn] of Object.entries<(list: Op) => Txn>({
        'only reads': (list) => ({ then: [list, { type: 'get', key: key('a') }] }),
        writes: (list) => ({ then: [put, list] }),
        'reads in else': (list) => ({ if: [absent], then: [put], else: [list] }),
        'reads in a nested one': (list) => ({ then: [{ type: 'txn', txn: { then: [list] } }] }),
      })) {
        const error = await expectStoreError(() => store.txn(txn(past)), 'compacted', `a transaction that ${what}`);
        expectEqual(
          [error.name, error.compactRevision, error.outcome],
          ['CompactedError', revision, 'not-applied'],
          `name, compactRevision and outcome of a transaction that ${what}`,
        );
        const ahead = await expectStoreError(() => store.txn(txn(future)), 'future-revision', `one ahead that ${what}`);
        expectEqual(ahead.outcome, 'not-applied', `the outcome of one ahead that ${what}`);
      }
      expectEqual(keysOf(await store.list(all)), [key('a')], 'the keys');
    },
  },
  {
    id: 'C4.compaction-keeps-its-revision',
    clauses: ['C4'],
    title: 'the compacted revision itself, and what came after, can still be read',
    requires: COMPACTS,
    async run({ store, key, all }) {
      await store.put(key('a'), '1');
      const deleted = await store.put(key('b'), '1');
      await store.delete(key('b'));
      const { revision } = await store.put(key('a'), '2');
      const later = await store.put(key('a'), '3');
      await store.compact(revision);
      expectEqual(text((await store.get(key('a'), { revision }))?.value), '2', 'the value at the compacted revision');
      expectEqual(keysOf(await store.list(all, { revision })), [key('a')], 'the keys at the compacted revision');
      expectEqual(text((await store.get(key('a'), { revision: later.revision }))?.value), '3', 'the value after it');
      expectEqual(text((await store.get(key('a')))?.value), '3', 'the value now');
      await expectStoreError(() => store.get(key('b'), { revision: deleted.revision }), 'compacted', 'get before it');
    },
  },
  {
    id: 'C4.compaction-keeps-entries',
    clauses: ['C4', 'C3'],
    title: 'a compaction changes no entry: value, revisions and version stay',
    requires: COMPACTS,
    async run({ store, key, all }) {
      for (const name of ['a', 'b', 'a']) await store.put(key(name), name);
      const before = await store.list(all);
      await store.compact(before.bookmark.revision);
      expectEqual((await store.list(all)).items, before.items, 'the entries');
      await store.put(key('a'), 'next');
      expectEqual(
        (await store.get(key('a')))?.createRevision,
        before.items[0]?.createRevision,
        'createRevision of a later write',
      );
    },
  },
  {
    id: 'C14.compact-errors',
    clauses: ['C14', 'C4'],
    title: 'compacting again is a CompactedError, ahead of the head a future-revision error',
    requires: COMPACTS,
    async run({ store, key }) {
      await store.put(key('a'), '1');
      const { revision } = await store.put(key('a'), '2');
      await store.compact(revision);
      const again = await expectStoreError(() => store.compact(revision), 'compacted', 'compacting again');
      expectEqual(again.compactRevision, revision, 'compactRevision');
      await expectStoreError(() => store.compact(revision - 1), 'compacted', 'compacting before');
      await expectStoreError(() => store.compact(revision + 1_000), 'future-revision', 'compacting ahead of the head');
    },
  },
  {
    id: 'C16.bad-compact-arguments',
    clauses: ['C16'],
    title: 'compacting at what is no revision is refused',
    requires: COMPACTS,
    async run({ store, key }) {
      await store.put(key('a'), '1');
      for (const revision of [0, -1, 1.5, NaN, '1', undefined]) {
        await expectStoreError(
          () => store.compact(revision as number),
          'invalid-argument',
          `compact of ${show(revision)}`,
        );
      }
      await expectStoreError(
        () => store.compact(1, { physical: 'yes' } as object),
        'invalid-argument',
        'compact with a bad option',
      );
    },
  },
  {
    id: 'C4.physical-compaction',
    clauses: ['C4'],
    title: 'a physical compaction comes back, and the history is gone',
    requires: COMPACTS,
    async run({ store, key }) {
      const old = await store.put(key('a'), '1');
      const { revision } = await store.put(key('a'), '2');
      await store.compact(revision, { physical: true });
      await expectStoreError(() => store.get(key('a'), { revision: old.revision }), 'compacted', 'get');
    },
  },
  {
    id: 'C15.undeclared-compaction-is-unsupported',
    clauses: ['C15'],
    title: 'a store without compaction refuses it',
    requires: { compaction: false },
    async run({ store, key }) {
      const { revision } = await store.put(key('a'), '1');
      await expectStoreError(() => store.compact(revision), 'unsupported', 'compact');
    },
  },
];
