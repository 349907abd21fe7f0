import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { keyOf } from '../data/dataset.js';
import type { Figures, Metric, Row } from '../harness/row.js';
import { number, type Params } from '../harness/task.js';

const PREFIX = '/bench/';
/** The key counts by name, smallest first: what they are is up to the scale. */
const SIZES = ['small', 'medium', 'large', 'largest'] as const;
const VALUE = 'x'.repeat(100);

/** The growth of log n from the smallest count to the largest is 2; as much again is allowed for caches that miss. */
const GROWTH_LIMIT = 4;

const metrics: Record<string, Metric> = {};
for (const size of SIZES) {
  metrics[`keys@${size}`] = { label: `keys, ${size}`, unit: 'count' };
  for (const operation of ['get', 'put', 'txn'])
    metrics[`${operation}@${size}`] = { label: `${operation}, ${size}`, unit: 'ns' };
}
metrics['fanOut'] = { label: 'an event delivered to one of the watches', unit: 'ns' };
metrics['watches'] = { label: 'watches', unit: 'count' };

interface Sizes {
  /** Keys. */
  readonly count: number;
  /** How often each operation is done. */
  readonly operations: number;
}

function sizesOf(params: Params, size: string): Sizes {
  return { count: number(params, size), operations: number(params, 'operations') };
}

/** Keys in an order that no cache can foresee, and the same in every process. */
function* strides(count: number): Generator<number> {
  for (let index = 0; ; index = (index + 7_919) % count) yield index;
}

async function timeEach(
  { count, operations }: Sizes,
  operation: (key: string, time: number) => unknown,
): Promise<number> {
  const keys: string[] = [];
  for (const index of strides(count)) {
    keys.push(keyOf(PREFIX, index));
    if (keys.length === operations) break;
  }
  const began = process.hrtime.bigint();
  for (let time = 0; time < operations; time += 1) await operation(keys[time] ?? '', time);
  return Number(process.hrtime.bigint() - began) / operations;
}

async function fill(store: MemoryStore, count: number): Promise<void> {
  // Twice, so that every key has a history.
  for (let version = 0; version < 2; version += 1) {
    for (let index = 0; index < count; index += 1) await store.put(keyOf(PREFIX, index), VALUE);
  }
}

async function storeFigures(size: string, sizes: Sizes): Promise<Figures> {
  const store = memoryStore();
  await fill(store, sizes.count);
  const measureAll = async (): Promise<Figures> => ({
    [`get@${size}`]: await timeEach(sizes, (key) => store.get(key)),
    [`put@${size}`]: await timeEach(sizes, (key) => store.put(key, VALUE)),
    [`txn@${size}`]: await timeEach(sizes, (key) =>
      store.txn({
        if: [{ key, target: 'version', op: '>', value: 0 }],
        then: [{ type: 'put', key, value: VALUE }],
      }),
    ),
  });
  await measureAll();
  const figures = { ...(await measureAll()), [`keys@${size}`]: sizes.count };
  await store.close();
  return figures;
}

/** Nanoseconds from a put to its event at each of the watches, for all of them together and divided by their number. */
async function fanOut(watches: number): Promise<Figures> {
  const store = memoryStore();
  const puts = 200;
  let seen = 0;
  let all: () => void = () => undefined;
  const following = Array.from({ length: watches }, () => store.watch({ prefix: PREFIX }));
  await Promise.all(following.map(({ ready }) => ready));
  const consuming = following.map(async (watch) => {
    for await (const { events } of watch) {
      seen += events.length;
      if (seen === puts * watches) all();
    }
  });
  const deliver = async (): Promise<number> => {
    seen = 0;
    const complete = new Promise<void>((resolve) => {
      all = resolve;
    });
    const began = process.hrtime.bigint();
    for (let put = 0; put < puts; put += 1) await store.put(keyOf(PREFIX, put), VALUE);
    await complete;
    return Number(process.hrtime.bigint() - began) / (puts * watches);
  };
  await deliver();
  const ns = await deliver();
  await Promise.all(following.map((watch) => watch.close()));
  await Promise.all(consuming);
  await store.close();
  return { fanOut: ns, watches };
}

async function mapFigures(size: string, sizes: Sizes): Promise<Figures> {
  const map = new Map<string, { readonly value: string }>();
  for (let index = 0; index < sizes.count; index += 1) map.set(keyOf(PREFIX, index), { value: VALUE });
  const measureAll = async (): Promise<Figures> => ({
    [`get@${size}`]: await timeEach(sizes, (key) => map.get(key)),
    [`put@${size}`]: await timeEach(sizes, (key) => map.set(key, { value: VALUE })),
  });
  await measureAll();
  return { ...(await measureAll()), [`keys@${size}`]: sizes.count };
}

export const row: Row = {
  name: 'memory-store',
  title: 'The memory store, per operation',
  about: `Random keys, awaited one after another, every key with a history of two versions before. The Map is awaited in the same way (\`await map.get(key)\`), since the store's calls are asynchronous. Time growth: at most ${GROWTH_LIMIT} times from the smallest count to the largest, a thousand times as many keys (twice the logarithm, and as much again for caches that miss).`,
  server: 'none',
  ours: ['store'],
  sides: {
    store: {
      label: 'memoryStore()',
      async run({ params }) {
        let figures = await fanOut(number(params, 'fanOut'));
        for (const size of SIZES) figures = { ...figures, ...(await storeFigures(size, sizesOf(params, size))) };
        return { figures };
      },
    },
    map: {
      label: 'Map',
      async run({ params }) {
        let figures: Figures = {};
        for (const size of SIZES) figures = { ...figures, ...(await mapFigures(size, sizesOf(params, size))) };
        return { figures };
      },
    },
  },
  metrics,
  goals: [
    ...(['large', 'largest'] as const).map((size) => ({
      what: `memory store, get, ${size} key count`,
      ours: { side: 'store', metric: `get@${size}` },
      kind: 'ratio' as const,
      peer: { side: 'map', metric: `get@${size}` },
      limit: 3,
    })),
    {
      what: 'memory store, put, the largest key count against the smallest',
      ours: { side: 'store', metric: 'put@largest' },
      kind: 'ratio',
      peer: { side: 'store', metric: 'put@small' },
      limit: GROWTH_LIMIT,
    },
  ],
  async start(bench) {
    const { memoryKeys, operations, fanOut: watches } = bench.scale;
    const counts = Object.fromEntries(SIZES.map((size, index) => [size, memoryKeys[index] ?? 1]));
    return () => bench.inTurn({ ...counts, operations, fanOut: watches });
  },
};
