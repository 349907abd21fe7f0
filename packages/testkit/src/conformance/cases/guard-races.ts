import type { ConformanceCase } from '../case.js';
import { expectEqual, expectTrue, text } from '../expect.js';

export const guardRaceCases: readonly ConformanceCase[] = [
  {
    id: 'C6.one-creator-wins',
    clauses: ['C6'],
    title: 'of many who create a key at once exactly one succeeds, and the others see its entry',
    async run(context) {
      const { store, key } = context;
      const others = await Promise.all([context.connect(), context.connect()]);
      const stores = [store, ...others];
      const results = await Promise.all(
        Array.from({ length: 15 }, (_, index) =>
          (stores[index % 3] ?? store).put(key('a'), String(index), { ifAbsent: true }),
        ),
      );
      const winners = results.flatMap((result, index) => (result.succeeded ? [String(index)] : []));
      expectEqual(winners.length, 1, 'the number of winners');
      const entry = await store.get(key('a'));
      expectEqual(text(entry?.value), winners[0], 'the value');
      if (!store.capabilities.guardReturnsCurrent) return;
      for (const result of results) {
        if (!result.succeeded) expectEqual(result.current, entry, 'the entry that a loser was told');
      }
    },
  },
  {
    id: 'C6.no-lost-update',
    clauses: ['C6'],
    title: 'counters raised under ifModRevision by many at once lose no step',
    async run(context) {
      const { store, key } = context;
      await store.put(key('a'), '0');
      const raise = async () => {
        for (;;) {
          const entry = await store.get(key('a'));
          expectTrue(entry !== undefined, 'the counter must be there');
          const next = String(Number(text(entry.value)) + 1);
          if ((await store.put(key('a'), next, { ifModRevision: entry.modRevision })).succeeded) return;
        }
      };
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          await raise();
          await raise();
        }),
      );
      expectEqual(text((await store.get(key('a')))?.value), '16', 'the counter');
    },
  },
];
