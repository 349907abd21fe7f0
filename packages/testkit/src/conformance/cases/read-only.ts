import { readOnly } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue } from '../expect.js';
import { WatchReader } from '../watch-reader.js';

export const readOnlyCases: readonly ConformanceCase[] = [
  {
    id: 'C16.read-only-reads',
    clauses: ['C16'],
    title: 'a read-only view reads and watches as the store does',
    async run(context) {
      const { store, key, all } = context;
      const view = context.adopt(readOnly(store));
      const reader = new WatchReader(context.adopt(view.watch(all)), context.patienceMs);
      await reader.ready();
      await store.put(key('a'), '1');
      expectEqual(await view.get(key('a')), await store.get(key('a')), 'get');
      expectEqual((await view.list(all)).count, 1, 'count');
      expectEqual((await reader.untilEvents(1)).length, 1, 'the number of events');
      if (store.capabilities.transactions === 'multi-key') {
        const { results } = await view.txn({ then: [{ type: 'get', key: key('a') }] });
        expectTrue(results[0]?.type === 'get' && results[0].item !== undefined, 'a reading transaction must pass');
      }
    },
  },
  {
    id: 'C16.read-only-refuses-writes',
    clauses: ['C16', 'C14'],
    title: 'a read-only view refuses every write, and nothing is written',
    async run(context) {
      const { store, key, all } = context;
      const { revision } = await store.put(key('a'), '1');
      const view = context.adopt(readOnly(store));
      const refused = 'permission-denied';
      await expectStoreError(() => view.put(key('a'), '2'), refused, 'put');
      await expectStoreError(() => view.put(key('a'), '2', { ifPresent: true }), refused, 'guarded put');
      await expectStoreError(() => view.delete(key('a')), refused, 'delete');
      await expectStoreError(() => view.delete(key('a'), { ifModRevision: revision }), refused, 'guarded delete');
      if (store.capabilities.transactions === 'multi-key') {
        await expectStoreError(() => view.txn({ then: [{ type: 'delete', range: all }] }), refused, 'txn');
      }
      if (store.capabilities.compaction) await expectStoreError(() => view.compact(revision), refused, 'compact');
      if (store.capabilities.leases) await expectStoreError(() => view.leases.grant(5), refused, 'grant');
      expectEqual((await store.get(key('a')))?.modRevision, revision, 'modRevision');
    },
  },
];
