import { digestSorted } from '../data/digest.js';
import { loadSide, type LoadParams } from '../harness/load-side.js';
import type { Row } from '../harness/row.js';
import { mirrorContent, mirrorJson } from '../peers/holdfast.js';
import type { Load } from '../peers/loaders.js';
import { getNodeEtcd, openHoldfastV2, seedV2, v2Content, V2Peer } from '../peers/v2.js';

const loadMirror: Load = async (endpoint, prefix) => {
  const store = await openHoldfastV2(endpoint);
  const mirror = await mirrorJson(store, prefix, 'lazy');
  return {
    content: mirror,
    digest: () => digestSorted(mirrorContent(mirror, prefix)),
    close: async () => {
      await mirror.close();
      await store.close();
    },
  };
};

const loadNodeEtcd: Load = async (endpoint, prefix) => {
  const { node } = await getNodeEtcd(endpoint, prefix);
  return { content: node, digest: () => digestSorted(v2Content(node)), close: () => undefined };
};

/** What a user of `node-etcd` does with the tree, to look keys up. */
const loadNodeEtcdMap: Load = async (endpoint, prefix) => {
  const { node } = await getNodeEtcd(endpoint, prefix);
  const content = new Map(v2Content(node));
  return { content, digest: () => digestSorted(content), close: () => undefined };
};

const loadHttp: Load = async (endpoint, prefix) => {
  const peer = new V2Peer(endpoint);
  const { node } = await peer.get(prefix);
  return { content: node, digest: () => digestSorted(v2Content(node)), close: () => void peer.close() };
};

export const row: Row = {
  name: 'v2-load',
  title: 'etcd v2: load of a directory',
  about: 'From an unconnected client to everything in memory; values stay texts.',
  server: 'etcd',
  ours: ['mirror'],
  sides: {
    mirror: loadSide("mirror on etcd v2, decode: 'lazy'", loadMirror),
    nodeEtcd: loadSide('node-etcd get(), recursive', loadNodeEtcd),
    nodeEtcdMap: loadSide('node-etcd get(), recursive, and a flat Map of its tree', loadNodeEtcdMap),
    http: loadSide('node:http, JSON.parse of the answer', loadHttp),
  },
  metrics: {
    ms: { label: 'time', unit: 'ms' },
    stallMs: { label: 'longest stall', unit: 'ms' },
    cpuMs: { label: 'CPU', unit: 'ms' },
    peakBytes: { label: 'peak RSS above start', unit: 'MB' },
    rssBytes: { label: 'peak RSS', unit: 'MB' },
  },
  goals: [
    {
      what: 'etcd v2, load, time',
      ours: { side: 'mirror', metric: 'ms' },
      kind: 'ratio',
      peer: { side: 'nodeEtcdMap', metric: 'ms' },
      limit: 1,
    },
  ],
  async start(bench) {
    const { endpoint } = await bench.etcd({ enableV2: true });
    const params: LoadParams = { endpoint, prefix: '/bench/routes/', warmupPrefix: '/bench/routes/' };
    await seedV2(endpoint, params.prefix, bench.scale.smallKeys);
    return () => bench.inTurn(params);
  },
};
