import type { ConformanceCase } from '../case.js';
import { expectEqual } from '../expect.js';

export const noHistoryCases: readonly ConformanceCase[] = [
  {
    id: 'C10.no-history-is-compacted',
    clauses: ['C10', 'C12'],
    title:
      'a store without history resumes from its head alone: from before, a watch ends in CompactedError, not in a gap',
    writes: 'outside',
    requires: { history: 'none' },
    async run(context) {
      const { store, key, all } = context;
      await store.put(key('a'), '1');
      const { bookmark } = await store.list(all);
      await store.put(key('a'), '2');
      const reader = context.watch(all, { after: bookmark });
      const end = await reader.end();
      expectEqual(end.kind === 'error' && end.error.code, 'compacted', 'how the watch ends');
      expectEqual(reader.events, [], 'the events');
    },
  },
];
