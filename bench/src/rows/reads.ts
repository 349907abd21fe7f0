import { memoryStore } from '@holdfast/memory';
import { keyOf, valueOf } from '../data/dataset.js';
import type { Row, Side } from '../harness/row.js';
import { number } from '../harness/task.js';
import { percentile } from '../harness/stats.js';
import { mirrorJson, type Decode } from '../peers/holdfast.js';

const PREFIX = '/bench/routes/';
const HOT_KEYS = 64;
const READS = 500_000;
const TIMES = 7;

interface Route {
  readonly priority: number;
}

/** Reads an object by its id. Each is a plain function, so that V8 sees one kind of look-up in each process. */
type Read = (id: string) => number;

function readsSide(label: string, make: (ids: readonly string[]) => Promise<Read>): Side {
  return {
    label,
    async run({ params }) {
      const count = number(params, 'keys');
      const ids = Array.from({ length: count }, (_, index) => keyOf('', index));
      const read = await make(ids);
      // The ids of requests are their own strings, not those of the table.
      const hot = shuffled(ids.slice(0, HOT_KEYS));
      const uniform = shuffled(ids);
      timeOf(read, hot);
      timeOf(read, uniform);
      return { figures: { hot: medianTime(read, hot), uniform: medianTime(read, uniform) } };
    },
  };
}

function medianTime(read: Read, ids: readonly string[]): number {
  return percentile(
    Array.from({ length: TIMES }, () => timeOf(read, ids)),
    50,
  );
}

/** Nanoseconds a read. */
function timeOf(read: Read, ids: readonly string[]): number {
  let sum = 0;
  const began = process.hrtime.bigint();
  for (let done = 0; done < READS; done += ids.length) for (const id of ids) sum += read(id);
  const ns = Number(process.hrtime.bigint() - began);
  if (Number.isNaN(sum)) throw new Error('a read gave nothing');
  return ns / (Math.ceil(READS / ids.length) * ids.length);
}

/** Copies, in an order that is neither that of the table nor another one the next time. */
function shuffled(ids: readonly string[]): string[] {
  const copies = ids.map((id) => Buffer.from(id).toString());
  let state = 1;
  for (let index = copies.length - 1; index > 0; index -= 1) {
    state = (state * 48_271) % 2_147_483_647;
    const other = state % (index + 1);
    const swapped = copies[index] ?? '';
    copies[index] = copies[other] ?? '';
    copies[other] = swapped;
  }
  return copies;
}

async function byMap(ids: readonly string[]): Promise<Read> {
  const map = new Map(ids.map((id, index) => [id, JSON.parse(valueOf(index)) as Route]));
  return (id) => map.get(id)?.priority ?? NaN;
}

const byMirror =
  (decode: Decode) =>
  async (ids: readonly string[]): Promise<Read> => {
    const store = memoryStore();
    for (const [index, id] of ids.entries()) await store.put(PREFIX + id, valueOf(index));
    const mirror = await mirrorJson(store, PREFIX, decode);
    return (id) => (mirror.get(id)?.value as Route | undefined)?.priority ?? NaN;
  };

export const row: Row = {
  name: 'reads',
  title: 'Reading from a mirror',
  about: `A decoded object by its id, and one of its fields: ${HOT_KEYS} ids again and again (hot), and all ids in random order (uniform). The ids are other string objects than the keys.`,
  server: 'none',
  ours: ['mirror', 'lazy'],
  sides: {
    mirror: readsSide('mirror.get(id)?.value', byMirror('eager')),
    lazy: readsSide("the same, decode: 'lazy', decoded before", byMirror('lazy')),
    map: readsSide('Map.get(id)', byMap),
  },
  metrics: { hot: { label: 'hot', unit: 'ns' }, uniform: { label: 'uniform', unit: 'ns' } },
  goals: (['mirror', 'lazy'] as const).map((side) => ({
    what: `${side === 'mirror' ? 'eager' : 'lazy'} mirror.get, hot`,
    ours: { side, metric: 'hot' },
    kind: 'ratio',
    peer: { side: 'map', metric: 'hot' },
    limit: 1.2,
  })),
  start: async (bench) => () => bench.inTurn({ keys: bench.scale.keys }),
};
