import { withPrefix, type ConfigStore, type Op } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import type { ConformanceContext } from '../context.js';
import { expectEqual, expectStoreError, expectTrue, fail, text } from '../expect.js';
import { WatchReader, briefly, keyOf } from '../watch-reader.js';
import { keysOf, pagesOf, rawKey, RESUMES } from './support.js';

/** A view below `view`, with a neighbour on either side that it must never show or touch. */
async function viewOf(context: ConformanceContext): Promise<ConfigStore> {
  for (const name of ['vi', 'view', 'view0', 'vieww/a']) {
    // Where keys are paths, nothing can be below an entry.
    if (name === 'view' && context.store.capabilities.keySyntax === 'path') continue;
    await context.store.put(context.key(name), 'neighbour');
  }
  return context.adopt(withPrefix(context.store, context.key('view')));
}

async function expectNeighbours({ store, key, all }: ConformanceContext): Promise<void> {
  const keys = keysOf(await store.list(all)).filter((name) => !name.startsWith(key('view/')));
  expectEqual(keys, ['vi', 'view', 'view0', 'vieww/a'].map(key), 'the keys outside of the view');
}

export const prefixCases: readonly ConformanceCase[] = [
  {
    id: 'C16.prefix-reads-and-writes',
    clauses: ['C16', 'C6'],
    title: 'a view of a prefix has its keys relative to it, in every read and write',
    async run(context) {
      const { store, key } = context;
      const view = context.adopt(withPrefix(store, key('view')));
      await view.put('/a', '1');
      expectEqual(text((await store.get(key('view/a')))?.value), '1', 'the value in the store');
      expectEqual((await view.get('/a'))?.key, '/a', "the entry's key");
      expectEqual(keysOf(await view.list({ prefix: '/' })), ['/a'], "the list's keys");
      const pages = await pagesOf(view.scan({ prefix: '/' }));
      expectEqual(
        pages.flatMap((page) => page.entries.map((entry) => entry.key)),
        ['/a'],
        "the scan's keys",
      );
      const guarded = await view.put('/a', '2', { ifAbsent: true });
      if (store.capabilities.guardReturnsCurrent)
        expectEqual(guarded.succeeded ? undefined : guarded.current?.key, '/a', "current's key");
      if (store.capabilities.previousValues) {
        expectEqual((await view.put('/a', '3', { previous: true })).previous?.key, '/a', "previous's key");
      }
      await view.delete('/a');
      expectEqual(await store.get(key('view/a')), undefined, 'the key in the store');
    },
  },
  {
    id: 'C16.prefix-bounds-ranges',
    clauses: ['C16', 'C2'],
    title: 'no range of a view reaches out of its prefix',
    requires: { keySyntax: 'any' },
    async run(context) {
      const { key } = context;
      for (const name of ['vi', 'view', 'view/a', 'view/b', 'view0', 'vieww/a']) await context.store.put(key(name), '');
      const view = context.adopt(withPrefix(context.store, key('view/')));
      expectEqual(keysOf(await view.list({ prefix: '' })), ['a', 'b'], 'everything');
      expectEqual(keysOf(await view.list({ start: 'b' })), ['b'], 'from b');
      expectEqual(keysOf(await view.list({ end: 'b' })), ['a'], 'up to b');
      expectEqual(keysOf(await view.list('a')), ['a'], 'one key');
      expectEqual((await view.delete({ prefix: '' })).deleted, 2, 'deleted');
      await expectNeighbours(context);
    },
  },
  {
    id: 'C16.prefix-watches',
    clauses: ['C16', 'C10'],
    requires: RESUMES,
    title: 'a watch of a view tells of its keys alone, relative, and its bookmarks are those of the store',
    async run(context) {
      const { store, key } = context;
      const view = await viewOf(context);
      const reader = new WatchReader(context.adopt(view.watch({ prefix: '/' })), context.patienceMs);
      await reader.ready();
      const put = await store.put(key('view/a'), '1');
      await store.put(key('view0'), '2');
      await view.delete('/a');
      const events = await reader.untilEvents(2);
      expectEqual(events.map(keyOf), ['/a', '/a'], 'the keys told');
      expectEqual(briefly(events[0] ?? fail('an event was expected')), `put /a=1@${put.revision}`, 'the first event');
      const outer = context.watch(
        { prefix: key('view/') },
        { after: { ...(reader.bookmark ?? fail('a bookmark was expected')), revision: put.revision } },
      );
      expectEqual(
        (await outer.untilEvents(1)).map(keyOf),
        [key('view/a')],
        "the store's own events after the view's bookmark",
      );
    },
  },
  {
    id: 'C16.prefix-transactions',
    clauses: ['C16', 'C9'],
    title: 'compares and operations of a transaction of a view are relative to it, nested ones too',
    requires: { transactions: 'multi-key' },
    async run(context) {
      const { store, key } = context;
      const view = await viewOf(context);
      await view.put('/x', '1');
      const inner: Op = {
        type: 'txn',
        txn: {
          if: [{ key: '/x', target: 'value', op: '=', value: '1' }],
          then: [{ type: 'put', key: '/c', value: '1' }],
        },
      };
      const { succeeded, results } = await view.txn({
        if: [
          { key: '/x', target: 'value', op: '=', value: '1' },
          { range: { prefix: '/nothing' }, target: 'createRevision', op: '=', value: 0 },
        ],
        then: [
          { type: 'put', key: '/a', value: '1' },
          { type: 'get', key: '/x' },
          { type: 'delete', range: { prefix: '/y' } },
          inner,
          { type: 'list', range: { prefix: '/' } },
        ],
      });
      expectTrue(succeeded, 'the transaction must succeed');
      const [, get, , , list] = results;
      expectTrue(get?.type === 'get' && get.item?.key === '/x', 'the entry got must be relative');
      expectTrue(list?.type === 'list', 'a list was expected');
      expectEqual(keysOf(list), ['/a', '/c', '/x'], "the list's keys");
      expectTrue((await store.get(key('view/c'))) !== undefined, 'the nested put must be in the store');
      await expectNeighbours(context);
    },
  },
  {
    id: 'C16.prefix-refuses-the-store-wide',
    clauses: ['C16'],
    title: 'compaction and the listing of leases are unsupported in a view',
    async run(context) {
      const view = context.adopt(withPrefix(context.store, context.key('view')));
      const { revision } = await view.put('/a', '1');
      await expectStoreError(() => view.compact(revision), 'unsupported', 'compact');
      await expectStoreError(() => view.leases.list(), 'unsupported', 'leases.list');
    },
  },
  {
    id: 'C16.prefix-shows-raw-keys',
    clauses: ['C16', 'C1'],
    writes: 'none',
    title: 'keys that are not UTF-8 are listed in a view, relative to it',
    needs: ['putRaw'],
    async run(context) {
      const view = context.adopt(withPrefix(context.store, context.key('view')));
      await context.hook('putRaw')(rawKey(context.key('view/'), 0xff), new Uint8Array());
      const { undecodable, count } = await view.list({ prefix: '/' });
      expectEqual([undecodable.map((entry) => entry.rawKey), count], [[rawKey('/', 0xff)], 1], 'undecodable and count');
    },
  },
  {
    id: 'C16.prefix-closes-alone',
    clauses: ['C16'],
    writes: 'outside',
    title: 'closing a view ends its own watches and calls, and leaves the store open',
    async run(context) {
      const { store, key } = context;
      const view = withPrefix(store, key('view'));
      const reader = new WatchReader(view.watch({ prefix: '/' }), context.patienceMs);
      await reader.ready();
      await view.close();
      await expectStoreError(() => view.get('/a'), 'closed', 'get of the closed view');
      const end = await reader.end();
      expectEqual(end.kind === 'error' && end.error.code, 'closed', "how the view's watch ends");
      await store.put(key('view/a'), '1');
      expectTrue((await store.get(key('view/a'))) !== undefined, 'the store must still be open');
    },
  },
];
