import type { MemoryStore } from '@holdfast/memory';
import { fillStore } from '../data/entries.js';
import type { Row } from '../harness/row.js';
import { atMost, LOADED, STORE_METRICS, storeRound, WARMUP } from '../harness/store-row.js';
import { contenderSide } from '../harness/store-side.js';
import type { Params } from '../harness/task.js';
import { number } from '../harness/task.js';
import type { Contender } from '../peers/contender.js';
import { storeContender } from '../peers/store-contender.js';

const sizes = (params: Params) => [
  [LOADED, number(params, 'keys')] as const,
  [WARMUP, Math.ceil(number(params, 'keys') / 10)] as const,
];

async function memoryContender(_place: string, params: Params): Promise<Contender> {
  const { memoryStore } = await import('@holdfast/memory');
  const store: MemoryStore = memoryStore();
  for (const [prefix, count] of sizes(params)) await fillStore(store, prefix, count);
  const contender = storeContender(() => store.connect());
  return { ...contender, close: () => store.close() };
}

export const row: Row = {
  name: 'store-memory',
  title: 'The store in memory, as a mirror sees it',
  about:
    'As for the other stores, in one process: the store itself is in memory before a load begins, and the writer shares the event loop with the mirror. Single operations, and a `Map` for comparison, are in the row `memory-store`.',
  server: 'none',
  ours: ['store'],
  sides: {
    store: contenderSide('memoryStore() and mirrors', memoryContender, true),
  },
  metrics: STORE_METRICS,
  goals: [atMost('memory: put → change, changes lost', 'lost', 0)],
  start: (bench) => Promise.resolve(() => storeRound(bench, {}, bench.scale.keys)),
};
