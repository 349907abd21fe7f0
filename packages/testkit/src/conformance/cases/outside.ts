import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, text, utf8 } from '../expect.js';
import { keyOf } from '../watch-reader.js';

export const outsideCases: readonly ConformanceCase[] = [
  {
    id: 'C4.reads-see-outside-writes',
    clauses: ['C4', 'C3'],
    writes: 'none',
    title: 'what another program writes is read, at a later revision, by a handle that has read the key before',
    needs: ['writeOutside'],
    async run(context) {
      const { store, key, all } = context;
      const write = context.hook('writeOutside');
      await write(key('a'), utf8('1'));
      await context.eventually('the first value', async () => text((await store.get(key('a')))?.value) === '1');
      const first = await store.get(key('a'));
      await write(key('a'), utf8('2'));
      await context.eventually('the second value', async () => text((await store.get(key('a')))?.value) === '2');
      const second = await store.get(key('a'));
      expectTrue((second?.modRevision ?? 0) > (first?.modRevision ?? 0), 'the second value must have a later revision');
      await write(key('a'), undefined);
      await context.eventually('the deletion', async () => (await store.list(all)).count === 0);
      expectEqual(await store.get(key('a')), undefined, 'the deleted key');
    },
  },
  {
    id: 'C10.watches-tell-outside-writes',
    clauses: ['C10'],
    writes: 'none',
    title: 'what another program writes is told, each key once',
    needs: ['writeOutside'],
    async run(context) {
      const { key } = context;
      const write = context.hook('writeOutside');
      const reader = await context.follow();
      await write(key('a'), utf8('1'));
      await reader.untilEvents(1);
      await write(key('b'), utf8('2'));
      await reader.untilEvents(2);
      await write(key('a'), undefined);
      await reader.untilEvents(3);
      // Whatever was told twice comes before the end.
      await write(key('end'), utf8(''));
      const told = (await reader.untilKey(key('end'))).map((event) => [event.type, keyOf(event)]);
      expectEqual(
        told,
        [
          ['put', key('a')],
          ['put', key('b')],
          ['delete', key('a')],
        ],
        'the events',
      );
    },
  },
  {
    id: 'C6.guards-see-outside-writes',
    clauses: ['C6'],
    title: 'a guard by revision fails after another program has written the key, and leaves its value',
    needs: ['writeOutside'],
    async run(context) {
      const { store, key } = context;
      const { revision } = await store.put(key('a'), 'mine');
      await context.hook('writeOutside')(key('a'), utf8('theirs'));
      await context.eventually('the other value', async () => text((await store.get(key('a')))?.value) === 'theirs');
      const { succeeded } = await store.put(key('a'), 'mine again', { ifModRevision: revision });
      expectEqual(succeeded, false, 'succeeded');
      expectEqual(text((await store.get(key('a')))?.value), 'theirs', 'the value');
    },
  },
  {
    id: 'C15.read-only-store-refuses-writes',
    clauses: ['C15', 'C6'],
    title: 'a store that declares writes: false refuses each of them as unsupported, and nothing is written',
    writes: 'none',
    requires: { writes: false },
    async run({ key, all, handle: store }) {
      const refused = async (write: () => Promise<unknown>, what: string) => {
        const error = await expectStoreError(write, 'unsupported', what);
        expectEqual(error.outcome, 'not-applied', `the outcome of a ${what}`);
      };
      await refused(() => store.put(key('a'), '1'), 'put');
      await refused(() => store.put(key('a'), '1', { ifAbsent: true }), 'guarded put');
      await refused(() => store.delete(key('a')), 'delete');
      await refused(() => store.delete(key('a'), { ifValue: '1' }), 'guarded delete');
      await refused(() => store.txn({ then: [{ type: 'put', key: key('a'), value: '1' }] }), 'txn');
      expectEqual((await store.list(all)).count, 0, 'count after the refused writes');
    },
  },
  {
    id: 'C15.read-only-declares-no-leases',
    clauses: ['C15'],
    title: 'a store without writes declares neither leases nor ttl',
    writes: 'none',
    requires: { writes: false },
    async run({ capabilities }) {
      expectEqual([capabilities.leases, capabilities.ttl], [false, false], 'leases and ttl');
    },
  },
];
