import { setTimeout as delay } from 'node:timers/promises';
import type { EtcdMember } from '@holdfast/testkit';
import { figuresAt, metricsBySize, prefixOf } from '../harness/by-size.js';
import { goLoadSide, loadableSides } from '../harness/go-load-side.js';
import { assertKeys, warmUp, type LoadParams } from '../harness/load-side.js';
import { measure, memoryPeakOf, retainedBytes } from '../harness/measure.js';
import type { Figures, Goal, Row, Side } from '../harness/row.js';
import { text } from '../harness/task.js';
import { withoutRangeStream, type Decode } from '../peers/holdfast.js';
import { loadMirror, mirrorIn } from '../peers/loaders.js';
import { seed } from '../peers/seed.js';

/** The key counts by name, smallest first: what they are is up to the scale. */
const SIZES = ['usual', 'half', 'whole'] as const;

/** The server is restarted before each load of this one: what an earlier load left in its memory would hide the next one's peak. */
const RESTARTED = 'half';

/** A side that loads a prefix, and tells what a garbage collection leaves of it too. */
function keptLoadSide(label: string, decode: Decode, prepare: () => void = () => undefined): Side {
  return {
    label,
    async run({ params }) {
      prepare();
      const load = loadMirror(decode);
      const endpoint = text(params, 'endpoint');
      await warmUp(load, params);
      const before = await retainedBytes();
      const { result, figures } = await measure(() => load(endpoint, text(params, 'prefix')));
      const keptBytes = (await retainedBytes()) - before;
      assertKeys(mirrorIn(result).size, params);
      await result.close();
      return { figures: { ...figures, keptBytes } };
    },
  };
}

const OURS = ['lazy', 'eager'] as const;

const sides: Readonly<Record<string, Side>> = {
  lazy: keptLoadSide("mirror, decode: 'lazy'", 'lazy'),
  lazyByPages: keptLoadSide("mirror, decode: 'lazy', without RangeStream", 'lazy', withoutRangeStream),
  eager: keptLoadSide("mirror, decode: 'eager', JSON", 'eager'),
  goGet: goLoadSide('Go clientv3, one Get', { way: 'get' }),
  goStream: goLoadSide('Go clientv3, RangeStream', { way: 'stream' }),
};

const metrics = metricsBySize(SIZES);
for (const size of SIZES) {
  metrics[`kept@${size}`] = { label: `memory a key, ${size}`, unit: 'bytes' };
  metrics[`rss@${size}`] = { label: `peak RSS, ${size}`, unit: 'MB' };
}
metrics['serverPeakBytes'] = { label: `the server's peak RSS above that before the load, ${RESTARTED}`, unit: 'MB' };

function goalsOf(side: (typeof OURS)[number]): readonly Goal[] {
  return (['half', 'whole'] as const).flatMap((size): readonly Goal[] => [
    {
      what: `${side} mirror, longest stall, ${size}`,
      ours: { side, metric: `stallMs@${size}` },
      kind: 'at-most',
      limit: 50,
    },
    flat(side, 'perKey', size, 'time a key'),
    flat(side, 'kept', size, 'memory a key'),
  ]);
}

function flat(side: string, metric: string, size: string, what: string): Goal {
  return {
    what: `${side} mirror, ${what}, ${size}`,
    ours: { side, metric: `${metric}@${size}` },
    kind: 'ratio',
    peer: { side, metric: `${metric}@usual` },
    limit: 1.5,
  };
}

function byStream(metric: string, what: string): Goal {
  return {
    what: `lazy mirror by RangeStream against by pages, ${what}, half`,
    ours: { side: 'lazy', metric },
    kind: 'ratio',
    peer: { side: 'lazyByPages', metric },
    limit: 0.6,
  };
}

export const row: Row = {
  name: 'large',
  title: 'A million keys',
  about:
    "The load at 1, 5 and 10 times the keys of the other rows (here *usual*, *half* and *whole*). The server is restarted before each load of *half*, whose peak of the server's memory is told too. A side without `RangeStream` runs where the server has it: it asks for it by a name that the server does not know.",
  server: 'etcd',
  onRequest: { rounds: 3 },
  ours: OURS,
  optional: ['lazyByPages', 'goGet', 'goStream'],
  sides,
  metrics,
  goals: [
    ...OURS.flatMap(goalsOf),
    byStream('ms@half', 'time'),
    byStream('serverPeakBytes', "the server's peak memory"),
  ],
  async start(bench) {
    const { endpoint, version, members } = await bench.etcd();
    const [member] = members;
    if (member === undefined) throw new Error('etcd has no member');
    const warmupPrefix = '/bench/warmup/';
    await seed(endpoint, warmupPrefix, bench.scale.warmupKeys);
    for (const [index, size] of SIZES.entries()) await seed(endpoint, prefixOf(size), bench.scale.large[index] ?? 1);
    const names = loadableSides(sides, version);
    return async () => {
      const figures: Record<string, Figures> = {};
      for (const [index, size] of SIZES.entries()) {
        const keys = bench.scale.large[index] ?? 1;
        const params: LoadParams = { endpoint, prefix: prefixOf(size), warmupPrefix, keys };
        for (const side of bench.order(names)) {
          const peak = size === RESTARTED ? await restarted(member) : undefined;
          const { figures: measured } = await bench.start(side, params).result;
          figures[side] = {
            ...figures[side],
            ...figuresAt(size, keys, measured),
            ...memoryAt(size, keys, measured),
            ...(peak && { serverPeakBytes: peak() }),
          };
        }
      }
      return Object.fromEntries(Object.entries(figures).map(([side, all]) => [side, { figures: all }]));
    };
  },
};

/** Starts the server anew, and begins to count its peak of memory. */
async function restarted(member: EtcdMember): Promise<() => number> {
  await member.stop();
  await member.start();
  // It has read its whole history, and gives back what it needed for that.
  await delay(500);
  if (member.pid === undefined) throw new Error('the server did not start');
  return memoryPeakOf(member.pid);
}

/** What is told of memory, beside the time. */
function memoryAt(size: string, keys: number, { keptBytes, rssBytes }: Figures): Record<string, number> {
  return {
    ...(keptBytes !== undefined && { [`kept@${size}`]: keptBytes / keys }),
    ...(rssBytes !== undefined && { [`rss@${size}`]: rssBytes }),
  };
}
