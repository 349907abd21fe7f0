import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, show } from '../expect.js';
import { briefly, keyOf } from '../watch-reader.js';

export const watchCases: readonly ConformanceCase[] = [
  {
    id: 'C10.ready-tells-from-where',
    clauses: ['C10'],
    writes: 'outside',
    title: 'a watch without "after" is ready at the current revision, and tells nothing older',
    async run(context) {
      const { store, key, all } = context;
      const before = await store.put(key('a'), '1');
      const reader = context.watch();
      const ready = await reader.ready();
      expectTrue(
        ready.revision >= before.revision,
        `ready must be at ${before.revision} or later, got ${ready.revision}`,
      );
      expectEqual(ready.identity, (await store.list(all)).bookmark.identity, 'identity');
      const put = await store.put(key('a'), '2');
      expectEqual((await reader.untilEvents(1)).map(briefly), [`put ${key('a')}=2@${put.revision}`], 'the events');
    },
  },
  {
    id: 'C10.watches-are-independent',
    clauses: ['C10'],
    writes: 'outside',
    title: 'watches of one store each tell all of their own range',
    async run(context) {
      const { store, key } = context;
      const readers = await Promise.all(['a/', 'b/', ''].map((name) => context.follow({ prefix: key(name) })));
      for (const name of ['a/1', 'b/1', 'a/2', 'c/1', 'b/2']) await store.put(key(name), '');
      const counts = [2, 2, 5];
      for (const [index, reader] of readers.entries()) await reader.untilEvents(counts[index] ?? 0);
      expectEqual(
        readers.map((reader) => reader.events.map(keyOf)),
        [[key('a/1'), key('a/2')], [key('b/1'), key('b/2')], ['a/1', 'b/1', 'a/2', 'c/1', 'b/2'].map(key)],
        'the keys told by each watch',
      );
    },
  },
  {
    id: 'C10.closing-one-leaves-others',
    clauses: ['C10', 'C12'],
    writes: 'outside',
    title: 'closing one watch leaves another of the same range as it was',
    async run(context) {
      const { store, key } = context;
      const [one, two] = [await context.follow(), await context.follow()];
      await store.put(key('a'), '1');
      await Promise.all([one.untilEvents(1), two.untilEvents(1)]);
      await one.watch.close();
      await store.put(key('a'), '2');
      expectEqual((await two.untilEvents(2)).length, 2, 'the number of events');
    },
  },
  {
    id: 'C10.one-consumer',
    clauses: ['C10'],
    writes: 'none',
    title: 'a watch has one consumer: a second iteration is refused',
    async run(context) {
      const { watch } = await context.follow();
      watch[Symbol.asyncIterator]();
      const again = async () => watch[Symbol.asyncIterator]().next();
      await expectStoreError(again, 'invalid-argument', 'the second iteration');
    },
  },
  {
    id: 'C10.bad-watch-options-are-invalid',
    clauses: ['C10', 'C16'],
    writes: 'none',
    title: 'watch options that there are not, or of another type, are refused',
    async run({ store, all }) {
      const { identity } = (await store.list(all)).bookmark;
      const bad: unknown[] = [
        { after: 5 },
        { after: { revision: 0, identity } },
        { after: { revision: -1, identity } },
        { after: { revision: 1.5, identity } },
        { after: { revision: 5 } },
        { after: { revision: 5, identity: '' } },
        { only: 'puts' },
        { previous: 'yes' },
        { bufferBytes: 0 },
        { bufferBytes: -5 },
        { bufferBytes: 1.5 },
        { afterRevision: 5 },
        { signal: 'now' },
      ];
      for (const options of bad) {
        const ready = async () => store.watch(all, options as object).ready;
        await expectStoreError(ready, 'invalid-argument', `watch with ${show(options)}`);
      }
    },
  },
];
