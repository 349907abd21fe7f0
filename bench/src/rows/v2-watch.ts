import { LATENCY_METRICS, writeAtRate } from '../harness/latency.js';
import { latencyRound, latencySide, type Listen } from '../harness/latency-round.js';
import type { Row, Side } from '../harness/row.js';
import { text } from '../harness/task.js';
import { mirrorJson } from '../peers/holdfast.js';
import { connectNodeEtcd, openHoldfastV2, V2Peer } from '../peers/v2.js';

const listenMirror: Listen = async (endpoint, prefix, arrivals) => {
  const store = await openHoldfastV2(endpoint);
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
};

const listenNodeEtcd: Listen = async (endpoint, prefix, arrivals) => {
  const client = await connectNodeEtcd(endpoint);
  const map = new Map<string, unknown>();
  // It does not tell when it follows; the warm-up's writes come before those that count.
  const watcher = client.watcher(prefix, null, { recursive: true });
  watcher.on('change', ({ node: { key, value = 'null' } }) => {
    const parsed: unknown = JSON.parse(value);
    map.set(key, parsed);
    arrivals.note(parsed);
  });
  return { close: () => void watcher.stop() };
};

const writer: Side = {
  label: 'writer',
  async run(task) {
    const peer = new V2Peer(text(task.params, 'endpoint'));
    await writeAtRate(task, (key, value) => peer.put(key, value));
    peer.close();
    return { figures: {} };
  },
};

export const row: Row = {
  name: 'v2-watch',
  title: 'etcd v2: from put to change',
  about:
    'As on etcd v3: new keys, a thousand per second, until the parsed value arrives. An event is lost if it never arrives; a mirror that reads again instead of following still reports every key.',
  server: 'etcd',
  ours: ['mirror'],
  sides: {
    mirror: latencySide("mirror on etcd v2, 'change'", listenMirror),
    nodeEtcd: latencySide('node-etcd watcher, JSON.parse, Map', listenNodeEtcd),
  },
  helpers: { writer },
  metrics: LATENCY_METRICS,
  goals: [
    { what: 'etcd v2, events lost', ours: { side: 'mirror', metric: 'lost' }, kind: 'at-most', limit: 0 },
    { what: 'etcd v2, put → change, p99', ours: { side: 'mirror', metric: 'p99' }, kind: 'at-most', limit: 20 },
  ],
  async start(bench) {
    const { endpoint } = await bench.etcd({ enableV2: true });
    return () => latencyRound(bench, endpoint);
  },
};
