import { digestSorted } from '../data/digest.js';
import { rewrite, seed } from '../peers/seed.js';
import { measure } from '../harness/measure.js';
import { reconnectRound } from '../harness/reconnect.js';
import { costs, returningMirror } from '../harness/returning-mirror.js';
import type { Row, Side } from '../harness/row.js';
import { number, text } from '../harness/task.js';
import { ETCD3_WINDOW_OPTIONS } from '../peers/etcd3.js';
import { followEtcd3, followStore, type Batch, type Follow } from '../peers/followers.js';

/** A client that comes back by reading every event that it missed. It only connects when there is something to read. */
function replaySide(label: string, follow: Follow): Side {
  return {
    label,
    async run(task) {
      const { params } = task;
      const [endpoint, prefix] = [text(params, 'endpoint'), text(params, 'prefix')];
      task.tell('ready');
      await task.hear('begin');
      task.tell('loaded');
      const head = await task.hear<number>('head');
      task.tell('waiting');
      await task.hear('allowed');
      const batches: Batch[] = [];
      const { figures } = await measure(async () => {
        let arrived: () => void = () => undefined;
        const complete = new Promise<void>((resolve) => {
          arrived = resolve;
        });
        const following = await follow({ endpoint, prefix, from: number(params, 'from') }, (batch) => {
          batches.push(batch);
          if (batch.last() >= head) arrived();
        });
        await complete;
        void following.close();
      });
      // Every key was written: the events alone make up the whole state.
      const state = new Map(batches.flatMap((batch) => batch.content()));
      return { figures: { ...costs(figures), ms: figures['ms'] ?? NaN }, digest: digestSorted(state) };
    },
  };
}

export const row: Row = {
  name: 'comeback',
  title: 'Coming back after missed revisions',
  about:
    'Every key of the prefix was rewritten, a revision each, while the connection was lost. The mirror: from the first new connection to equality. Replay: from an unconnected client to the last event. Bytes are counted by a proxy.',
  server: 'etcd',
  ours: ['mirror', 'store'],
  sides: {
    mirror: returningMirror('mirror', 'eager'),
    etcd3: replaySide('etcd3 watcher, replay', followEtcd3(ETCD3_WINDOW_OPTIONS)),
    store: replaySide('store.watch(), replay', followStore),
  },
  metrics: {
    ms: { label: 'time', unit: 'ms' },
    stallMs: { label: 'longest stall', unit: 'ms' },
    cpuMs: { label: 'CPU', unit: 'ms' },
    bytes: { label: 'on the wire', unit: 'MB' },
    unconnectedMs: { label: 'before that, until the first new connection', unit: 'ms' },
    resyncs: { label: 'resyncs', unit: 'count' },
  },
  goals: [
    {
      what: 'mirror equal again, time against a replay',
      ours: { side: 'mirror', metric: 'ms' },
      kind: 'ratio',
      peer: { side: 'etcd3', metric: 'ms' },
      limit: 0.1,
    },
  ],
  async start(bench) {
    const { endpoint } = await bench.etcd();
    const { smallKeys, missed } = bench.scale;
    const prefix = '/bench/routes/';
    const indexes = Array.from({ length: missed }, (_, index) => index % smallKeys);
    let head = await seed(endpoint, prefix, smallKeys);
    return () =>
      reconnectRound(bench, endpoint, { prefix, from: head + 1 }, async () => {
        head = await rewrite(endpoint, prefix, indexes, bench.round + 2);
        return head;
      });
  },
};
