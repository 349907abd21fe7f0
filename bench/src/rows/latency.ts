import { encodePut } from '../data/wire.js';
import { LATENCY_METRICS, writeAtRate, type Arrivals } from '../harness/latency.js';
import { goLatencySide } from '../harness/go-latency-side.js';
import { latencyRound, latencySide } from '../harness/latency-round.js';
import type { Row, Side } from '../harness/row.js';
import { text } from '../harness/task.js';
import { ETCD3_WINDOW_OPTIONS } from '../peers/etcd3.js';
import { followEtcd3, followGrpc, followHttp2, followStore, type Follow } from '../peers/followers.js';
import { GrpcPeer } from '../peers/grpc.js';
import { mirrorJson, openHoldfast } from '../peers/holdfast.js';

/** A plain Map of parsed JSON, kept up by one of the peers. */
const mapBy = (follow: Follow) => async (endpoint: string, prefix: string, arrivals: Arrivals) => {
  const map = new Map<string, unknown>();
  return follow({ endpoint, prefix, from: undefined }, (batch) => {
    for (const [key, value] of batch.content()) {
      const parsed: unknown = JSON.parse(value);
      map.set(key, parsed);
      arrivals.note(parsed);
    }
  });
};

async function byMirror(endpoint: string, prefix: string, arrivals: Arrivals) {
  const store = await openHoldfast(endpoint);
  const mirror = await mirrorJson(store, prefix, 'eager');
  mirror.on('change', ({ changes }) => {
    for (const change of changes) if (change.type === 'put') arrivals.note(change.current.value);
  });
  return {
    close: async () => {
      await mirror.close();
      await store.close();
    },
  };
}

const writer: Side = {
  label: 'writer',
  async run(task) {
    const peer = await GrpcPeer.connect(text(task.params, 'endpoint'));
    await writeAtRate(task, (key, value) => peer.unary('Put', encodePut(key, value)));
    return { figures: {} };
  },
};

export const row: Row = {
  name: 'latency',
  title: 'From put to change',
  about:
    'A process writes new keys, a thousand per second. Measured from just before the put is sent to the change event, whose value is a parsed object. CPU is that of the watching process meanwhile, whose code V8 is still compiling; once compiled, after as many writes again twice, it is measured a second time. After that, 250 writes per second show what one event costs in heap, promises and microtasks, from the socket to the listener: gRPC and Node included. Go: `clientv3`, `encoding/json` and a `map`.',
  server: 'etcd',
  ours: ['mirror', 'store'],
  optional: ['go'],
  sides: {
    mirror: latencySide("mirror, 'change'", byMirror),
    store: latencySide('store.watch(), JSON.parse, Map', mapBy(followStore)),
    etcd3: latencySide('etcd3 watcher, JSON.parse, Map', mapBy(followEtcd3(ETCD3_WINDOW_OPTIONS))),
    go: goLatencySide,
    grpc: latencySide('grpc-js, JSON.parse, Map', mapBy(followGrpc)),
    http2: latencySide('node:http2, JSON.parse, Map', mapBy(followHttp2)),
  },
  helpers: { writer },
  metrics: LATENCY_METRICS,
  goals: [
    {
      what: 'put → change, p50',
      ours: { side: 'mirror', metric: 'p50' },
      kind: 'ratio',
      peer: { side: 'etcd3', metric: 'p50' },
      limit: 1,
    },
    {
      what: 'put → change, p99',
      ours: { side: 'mirror', metric: 'p99' },
      kind: 'ratio',
      peer: { side: 'etcd3', metric: 'p99' },
      limit: 1,
    },
    {
      what: 'put → change, CPU',
      ours: { side: 'mirror', metric: 'cpuMs' },
      kind: 'ratio',
      peer: { side: 'etcd3', metric: 'cpuMs' },
      // What Go's clientv3 took on the machine on which the goal was set. Raw grpc-js, which does nothing with the bytes, takes 0.72 already.
      limit: 0.92,
    },
    {
      what: "put → change, CPU against Go's client",
      ours: { side: 'mirror', metric: 'cpuMs' },
      kind: 'ratio',
      peer: { side: 'go', metric: 'cpuMs' },
      limit: 1,
    },
    { what: 'put → change, events lost', ours: { side: 'mirror', metric: 'lost' }, kind: 'at-most', limit: 0 },
  ],
  async start(bench) {
    const { endpoint } = await bench.etcd();
    return () => latencyRound(bench, endpoint);
  },
};
