import { digestOf } from '../data/digest.js';
import { seed } from '../peers/seed.js';
import { measure } from '../harness/measure.js';
import type { Row, Side } from '../harness/row.js';
import { number, text } from '../harness/task.js';
import { ETCD3_OPTIONS, ETCD3_WINDOW_OPTIONS } from '../peers/etcd3.js';
import { followEtcd3, followGrpc, followHttp2, followStore, type Batch, type Follow } from '../peers/followers.js';

/** Connects, watches from a past revision, and ends when all later events have arrived. */
function backlogSide(label: string, follow: Follow): Side {
  const catchUp = async (endpoint: string, prefix: string, from: number, expected: number): Promise<Batch[]> => {
    const batches: Batch[] = [];
    let seen = 0;
    let arrived: () => void = () => undefined;
    const complete = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const following = await follow({ endpoint, prefix, from }, (batch) => {
      batches.push(batch);
      seen += batch.count;
      if (seen >= expected) arrived();
    });
    await complete;
    // Closing is not measured: it costs the same after one event.
    void following.close();
    return batches;
  };
  return {
    label,
    async run({ params }) {
      const endpoint = text(params, 'endpoint');
      for (let time = 0; time < 3; time += 1) {
        await catchUp(endpoint, text(params, 'warmupPrefix'), 2, number(params, 'warmupKeys'));
      }
      const { result, figures } = await measure(() =>
        catchUp(endpoint, text(params, 'prefix'), number(params, 'from'), number(params, 'keys')),
      );
      return { figures, digest: digestOf(result.flatMap((batch) => batch.content())) };
    },
  };
}

export const row: Row = {
  name: 'backlog',
  title: 'Backlog of a watch',
  about:
    'From an unconnected client to the last event of a watch that begins in the past: as many events as there are keys, 128 to a revision, which etcd sends as one message.',
  server: 'etcd',
  ours: ['store'],
  sides: {
    store: backlogSide('store.watch()', followStore),
    etcd3: backlogSide('etcd3 watcher', followEtcd3(ETCD3_OPTIONS)),
    etcd3Window: backlogSide('etcd3 watcher, 16 MiB window', followEtcd3(ETCD3_WINDOW_OPTIONS)),
    grpc: backlogSide('grpc-js, 16 MiB window, events only counted', followGrpc),
    http2: backlogSide('node:http2, 16 MiB window, events only counted', followHttp2),
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
      what: 'backlog, time',
      ours: { side: 'store', metric: 'ms' },
      kind: 'ratio',
      peer: { side: 'etcd3', metric: 'ms' },
      limit: 0.5,
    },
    {
      what: 'the same, against etcd3 with a large window',
      ours: { side: 'store', metric: 'ms' },
      kind: 'ratio',
      peer: { side: 'etcd3Window', metric: 'ms' },
      limit: 0.5,
    },
  ],
  async start(bench) {
    const { endpoint } = await bench.etcd();
    const { keys, warmupKeys } = bench.scale;
    const warmupPrefix = '/bench/warmup/';
    const prefix = '/bench/routes/';
    const from = (await seed(endpoint, warmupPrefix, warmupKeys)) + 1;
    await seed(endpoint, prefix, keys);
    return () => bench.inTurn({ endpoint, prefix, warmupPrefix, keys, warmupKeys, from });
  },
};
