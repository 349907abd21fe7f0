import { setTimeout as delay } from 'node:timers/promises';
import { seed } from '../peers/seed.js';
import { sideOf } from '../harness/other-checkout.js';
import { profiled } from '../harness/profiler.js';
import type { Row, Sample, Side } from '../harness/row.js';
import { number, text, type Task } from '../harness/task.js';
import { mirrorJson, openHoldfast } from '../peers/holdfast.js';

/** The most idle CPU that counts as not measurable: one per cent of one core. */
const CPU_PERCENT = 1;

const prefixOf = (index: number): string => `/bench/idle-${index}/`;

async function idle(task: Task, mirrors: number): Promise<Sample> {
  const idleMs = number(task.params, 'idleMs');
  const store = await openHoldfast(text(task.params, 'endpoint'));
  await store.status();
  const began = performance.now();
  const open = await Promise.all(
    Array.from({ length: mirrors }, (_, index) => mirrorJson(store, prefixOf(index), 'eager')),
  );
  const startMs = performance.now() - began;
  // What establishing all the watches entails is over.
  await delay(Math.min(3_000, idleMs));
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  await profiled(() => delay(idleMs));
  const { user, system } = process.cpuUsage(cpu);
  task.tell('idle');
  await task.hear('counted');
  await Promise.all(open.map((mirror) => mirror.close()));
  await store.close();
  return { figures: { cpuPercent: (user + system) / 10 / idleMs, startMs } };
}

const sides: Record<string, Side> = {
  mirrors: { label: 'all mirrors on one store', run: (task) => idle(task, number(task.params, 'mirrors')) },
  store: { label: 'a store without a mirror', run: (task) => idle(task, 0) },
};

export const row: Row = {
  name: 'idle',
  title: 'Idle mirrors',
  about:
    'Many mirrors of small prefixes on one store, while nothing is written. CPU of their process as a share of one core. The server counts streams and watches, a proxy counts connections.',
  server: 'etcd',
  ours: ['mirrors', 'store'],
  sides,
  metrics: {
    cpuPercent: { label: 'CPU of one core', unit: '%' },
    startMs: { label: 'until all are ready', unit: 'ms' },
    mirrors: { label: 'mirrors', unit: 'count' },
    streams: { label: 'watch streams', unit: 'count' },
    watches: { label: 'watches', unit: 'count' },
    connections: { label: 'connections', unit: 'count' },
  },
  goals: [
    {
      what: 'idle mirrors, CPU in % of one core',
      ours: { side: 'mirrors', metric: 'cpuPercent' },
      kind: 'above',
      peer: { side: 'store', metric: 'cpuPercent' },
      limit: CPU_PERCENT,
    },
    { what: 'idle mirrors, watch streams', ours: { side: 'mirrors', metric: 'streams' }, kind: 'at-most', limit: 1 },
    { what: 'idle mirrors, connections', ours: { side: 'mirrors', metric: 'connections' }, kind: 'at-most', limit: 1 },
  ],
  async start(bench) {
    const etcd = await bench.etcd();
    const { mirrors, idleMs } = bench.scale;
    for (let index = 0; index < mirrors; index += 1) await seed(etcd.endpoint, prefixOf(index), 1);
    const before = {
      streams: await etcd.metric('etcd_debugging_mvcc_watch_stream_total'),
      watches: await etcd.metric('etcd_debugging_mvcc_watcher_total'),
    };
    return async () => {
      const samples: Record<string, Sample> = {};
      for (const name of bench.order()) {
        const proxy = await bench.proxy(etcd.endpoint);
        const side = bench.start(name, { endpoint: proxy.endpoint, mirrors, idleMs });
        await side.hear('idle');
        const counted = {
          mirrors: sideOf(name).side === 'mirrors' ? mirrors : 0,
          streams: (await etcd.metric('etcd_debugging_mvcc_watch_stream_total')) - before.streams,
          watches: (await etcd.metric('etcd_debugging_mvcc_watcher_total')) - before.watches,
          connections: proxy.connections,
        };
        side.tell('counted');
        const { figures } = await side.result;
        samples[name] = { figures: { ...figures, ...counted } };
        await proxy.close();
      }
      return samples;
    };
  },
};
