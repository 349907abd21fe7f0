import { seed } from '../data/seed.js';
import { loadSide, type LoadParams } from '../harness/load-side.js';
import type { Goal, Row } from '../harness/row.js';
import { loadEtcd3Default, loadEtcd3Json, loadEtcd3Window, loadGrpc, loadHttp2, loadMirror } from '../peers/loaders.js';

const goals: readonly Goal[] = [
  {
    what: 'lazy mirror ready, time',
    ours: { side: 'lazy', metric: 'ms' },
    kind: 'ratio',
    peer: { side: 'etcd3', metric: 'ms' },
    limit: 0.55,
  },
  {
    what: 'lazy mirror ready, time, against the same with a large window',
    ours: { side: 'lazy', metric: 'ms' },
    kind: 'ratio',
    peer: { side: 'etcd3Window', metric: 'ms' },
    limit: 0.55,
  },
  {
    what: 'lazy mirror ready, time, against the floor',
    ours: { side: 'lazy', metric: 'ms' },
    kind: 'ratio',
    peer: { side: 'http2', metric: 'ms' },
    limit: 1.5,
  },
  { what: 'lazy mirror, longest stall', ours: { side: 'lazy', metric: 'stallMs' }, kind: 'at-most', limit: 50 },
  {
    what: 'eager mirror ready (every value parsed), time',
    ours: { side: 'eager', metric: 'ms' },
    kind: 'ratio',
    peer: { side: 'etcd3Json', metric: 'ms' },
    limit: 0.6,
  },
  { what: 'eager mirror, longest stall', ours: { side: 'eager', metric: 'stallMs' }, kind: 'at-most', limit: 60 },
];

export const row: Row = {
  name: 'load',
  title: 'Load of a prefix',
  about:
    'From an unconnected client to everything in memory, connection included. `etcd3`: `getAll().prefix().exec()`; its JSON side: `.strings()`, `JSON.parse` and a `Map`. The floors decode nothing.',
  server: 'etcd',
  sides: {
    lazy: loadSide("mirror, decode: 'lazy'", loadMirror('lazy')),
    eager: loadSide("mirror, decode: 'eager', JSON", loadMirror('eager')),
    etcd3: loadSide('etcd3 exec()', loadEtcd3Default),
    etcd3Window: loadSide('etcd3 exec(), 16 MiB window', loadEtcd3Window),
    etcd3Json: loadSide('etcd3 strings() + JSON.parse in a Map, 16 MiB window', loadEtcd3Json),
    grpc: loadSide('grpc-js, 16 MiB window, one response, undecoded', loadGrpc),
    http2: loadSide('node:http2, 16 MiB window, one response, undecoded', loadHttp2),
  },
  metrics: {
    ms: { label: 'time', unit: 'ms' },
    stallMs: { label: 'longest stall', unit: 'ms' },
    cpuMs: { label: 'CPU', unit: 'ms' },
    peakBytes: { label: 'peak RSS above start', unit: 'MB' },
  },
  goals,
  async start(bench) {
    const { endpoint } = await bench.etcd();
    const params: LoadParams = { endpoint, prefix: '/bench/routes/', warmupPrefix: '/bench/warmup/' };
    await seed(endpoint, params.prefix, bench.scale.keys);
    await seed(endpoint, params.warmupPrefix, bench.scale.warmupKeys);
    return () => bench.inTurn(params);
  },
};
