import type { Compare, TxnResult } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectTrue, show, text } from '../expect.js';
import { MULTI } from './support.js';

export const txnAtomicityCases: readonly ConformanceCase[] = [
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
];
