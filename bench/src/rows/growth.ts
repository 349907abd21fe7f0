import { seed } from '../peers/seed.js';
import { figuresAt, metricsBySize, prefixOf } from '../harness/by-size.js';
import { loadSide, type LoadParams } from '../harness/load-side.js';
import type { Goal, Row, Sample } from '../harness/row.js';
import { ETCD3_WINDOW_OPTIONS } from '../peers/etcd3.js';
import { loadEtcd3, loadHttp2, loadMirror } from '../peers/loaders.js';

/** The key counts by name, smallest first: what they are is up to the scale. */
export const SIZES = ['small', 'medium', 'large', 'largest'] as const;

const sides = {
  lazy: loadSide("mirror, decode: 'lazy'", loadMirror('lazy')),
  eager: loadSide("mirror, decode: 'eager', JSON", loadMirror('eager')),
  etcd3: loadSide('etcd3 exec(), 16 MiB window', loadEtcd3(ETCD3_WINDOW_OPTIONS)),
  http2: loadSide('node:http2, undecoded', loadHttp2),
};

const metrics = metricsBySize(SIZES);
metrics['perKeyBest'] = { label: 'time a key, best of the smaller ones', unit: 'µs' };

function flat(side: 'lazy' | 'eager'): Goal {
  return {
    what: `${side} mirror, time a key at the largest count against the best of the smaller ones`,
    ours: { side, metric: 'perKey@largest' },
    kind: 'ratio',
    peer: { side, metric: 'perKeyBest' },
    limit: 1.5,
  };
}

export const row: Row = {
  name: 'growth',
  title: 'Growth with the number of keys',
  about: 'The load at four key counts. The plot shows these figures.',
  server: 'etcd',
  ours: ['lazy', 'eager'],
  sides,
  metrics,
  goals: [
    flat('lazy'),
    flat('eager'),
    {
      what: 'lazy mirror, longest stall at the largest count',
      ours: { side: 'lazy', metric: 'stallMs@largest' },
      kind: 'at-most',
      limit: 50,
    },
    {
      what: 'eager mirror, longest stall at the largest count',
      ours: { side: 'eager', metric: 'stallMs@largest' },
      kind: 'at-most',
      limit: 60,
    },
  ],
  async start(bench) {
    const { endpoint } = await bench.etcd();
    const warmupPrefix = '/bench/warmup/';
    await seed(endpoint, warmupPrefix, bench.scale.warmupKeys);
    for (const [index, size] of SIZES.entries()) await seed(endpoint, prefixOf(size), bench.scale.growth[index] ?? 1);
    return async () => {
      const figures: Record<string, Record<string, number>> = {};
      for (const [index, size] of SIZES.entries()) {
        const params: LoadParams = { endpoint, prefix: prefixOf(size), warmupPrefix };
        const samples = await bench.inTurn(params);
        for (const [side, sample] of Object.entries(samples)) {
          figures[side] = { ...figures[side], ...figuresAt(size, bench.scale.growth[index] ?? 1, sample.figures) };
        }
      }
      return Object.fromEntries(
        Object.entries(figures).map(([side, all]): [string, Sample] => {
          const smaller = SIZES.slice(0, -1).map((size) => all[`perKey@${size}`] ?? Infinity);
          return [side, { figures: { ...all, perKeyBest: Math.min(...smaller) } }];
        }),
      );
    };
  },
};
