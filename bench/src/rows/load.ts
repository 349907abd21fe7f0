import { seed } from '../peers/seed.js';
import { goLoadSide, loadableSides } from '../harness/go-load-side.js';
import { loadSide, type LoadParams } from '../harness/load-side.js';
import type { Goal, Row } from '../harness/row.js';
import { ETCD3_OPTIONS, ETCD3_WINDOW_OPTIONS } from '../peers/etcd3.js';
import { loadEtcd3, loadEtcd3Json, loadGrpc, loadHttp2, loadMirror } from '../peers/loaders.js';

function time(what: string, side: string, peer: string, limit: number): Goal {
  return { what, kind: 'ratio', ours: { side, metric: 'ms' }, peer: { side: peer, metric: 'ms' }, limit };
}

const goals: readonly Goal[] = [
  time('lazy mirror ready, time', 'lazy', 'etcd3', 0.55),
  time('the same, against etcd3 with a large window', 'lazy', 'etcd3Window', 0.55),
  time('the same, against the floor', 'lazy', 'http2', 1.5),
  time('the same, against one Get by Go', 'lazy', 'goGet', 1),
  time('the same, against RangeStream by Go (a stretch)', 'lazy', 'goStream', 1),
  { what: 'lazy mirror, longest stall', ours: { side: 'lazy', metric: 'stallMs' }, kind: 'at-most', limit: 50 },
  time('eager mirror ready (every value parsed), time', 'eager', 'etcd3Json', 0.6),
  time('the same, against etcd3 with a large window', 'eager', 'etcd3JsonWindow', 0.6),
  time('the same, against one Get and encoding/json by Go', 'eager', 'goGetJson', 1),
  time('the same, against RangeStream and encoding/json by Go', 'eager', 'goStreamJson', 1),
  { what: 'eager mirror, longest stall', ours: { side: 'eager', metric: 'stallMs' }, kind: 'at-most', limit: 60 },
];

export const row: Row = {
  name: 'load',
  title: 'Load of a prefix',
  about:
    'From an unconnected client to everything in memory, connection included. `etcd3`: `getAll().prefix().exec()`; its JSON side: `.strings()`, `JSON.parse` and a `Map`. The floors decode nothing. Go: `clientv3`, into a `map` of bytes, or of what `encoding/json` makes of each value.',
  server: 'etcd',
  ours: ['lazy', 'eager'],
  optional: ['goGet', 'goPages', 'goStream', 'goGetJson', 'goStreamJson'],
  sides: {
    lazy: loadSide("mirror, decode: 'lazy'", loadMirror('lazy')),
    eager: loadSide("mirror, decode: 'eager', JSON", loadMirror('eager')),
    etcd3: loadSide('etcd3 exec()', loadEtcd3(ETCD3_OPTIONS)),
    etcd3Window: loadSide('etcd3 exec(), 16 MiB window', loadEtcd3(ETCD3_WINDOW_OPTIONS)),
    etcd3Json: loadSide('etcd3 strings() + JSON.parse in a Map', loadEtcd3Json(ETCD3_OPTIONS)),
    etcd3JsonWindow: loadSide(
      'etcd3 strings() + JSON.parse in a Map, 16 MiB window',
      loadEtcd3Json(ETCD3_WINDOW_OPTIONS),
    ),
    goGet: goLoadSide('Go clientv3, one Get', { way: 'get' }),
    goPages: goLoadSide('Go clientv3, pages of 10,000', { way: 'pages' }),
    goStream: goLoadSide('Go clientv3, RangeStream', { way: 'stream' }),
    goGetJson: goLoadSide('Go clientv3, one Get, encoding/json', { way: 'get', parse: true }),
    goStreamJson: goLoadSide('Go clientv3, RangeStream, encoding/json', { way: 'stream', parse: true }),
    grpc: loadSide('grpc-js, 16 MiB window, one response, undecoded', loadGrpc),
    http2: loadSide('node:http2, 16 MiB window, one response, undecoded', loadHttp2),
  },
  metrics: {
    ms: { label: 'time', unit: 'ms' },
    stallMs: { label: 'longest stall', unit: 'ms' },
    cpuMs: { label: 'CPU', unit: 'ms' },
    peakBytes: { label: 'peak RSS above start', unit: 'MB' },
    rssBytes: { label: 'peak RSS', unit: 'MB' },
  },
  goals,
  async start(bench) {
    const { endpoint, version } = await bench.etcd();
    const params: LoadParams = { endpoint, prefix: '/bench/routes/', warmupPrefix: '/bench/warmup/' };
    await seed(endpoint, params.prefix, bench.scale.keys);
    await seed(endpoint, params.warmupPrefix, bench.scale.warmupKeys);
    const names = loadableSides(row.sides, version);
    return () => bench.inTurn(params, names);
  },
};
