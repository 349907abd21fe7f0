import { rewrite, seed } from '../peers/seed.js';
import { measure } from '../harness/measure.js';
import { reconnectRound } from '../harness/reconnect.js';
import { costs, returningMirror } from '../harness/returning-mirror.js';
import type { Goal, Row, Side } from '../harness/row.js';
import { text } from '../harness/task.js';
import { ETCD3_WINDOW_OPTIONS } from '../peers/etcd3.js';
import { loadEtcd3 } from '../peers/loaders.js';

/** Lists everything again, as every other client does. */
const relist: Side = {
  label: 'etcd3 exec(), 16 MiB window, everything again',
  async run(task) {
    const load = () => loadEtcd3(ETCD3_WINDOW_OPTIONS)(text(task.params, 'endpoint'), text(task.params, 'prefix'));
    for (let time = 0; time < 2; time += 1) await (await load()).close();
    task.tell('ready');
    await task.hear('begin');
    task.tell('loaded');
    await task.hear('head');
    task.tell('waiting');
    await task.hear('allowed');
    const { result, figures } = await measure(load);
    const digest = result.digest();
    await result.close();
    return { figures: { ...costs(figures), ms: figures['ms'] ?? NaN }, digest };
  },
};

/** For a lazy mirror the server reads nearly as much as for its load, which does little else: no client can be much quicker. */
const LIMITS = { lazy: 0.8, eager: 0.4 } as const;

function goals(decode: 'lazy' | 'eager'): readonly Goal[] {
  const figure = (metric: string) => ({ side: decode, metric });
  const ours = `${decode} mirror, resync`;
  const time = (what: string, metric: string): Goal => ({
    what: `${ours}, time ${what}against its own full load`,
    ours: figure(metric),
    kind: 'ratio',
    peer: figure('fullMs'),
    limit: LIMITS[decode],
  });
  return [
    time('', 'ms'),
    time('without the random pause ', 'unpausedMs'),
    {
      what: `${ours}, bytes on the wire against its own full load`,
      ours: figure('bytes'),
      kind: 'ratio',
      peer: figure('fullBytes'),
      limit: 0.25,
    },
  ];
}

export const row: Row = {
  name: 'resync',
  title: 'Resync of which little changed',
  about:
    'One key in a thousand was rewritten and the history compacted while the connection was lost. From the first new connection to equality, against the load of the same mirror in the same process. A mirror pauses for a random time before it reads again, so that a fleet does not read in step (promise M9): the time is told with that pause and without it. Bytes are counted by a proxy.',
  server: 'etcd',
  ours: ['lazy', 'eager'],
  sides: {
    lazy: returningMirror("mirror, decode: 'lazy'", 'lazy'),
    eager: returningMirror("mirror, decode: 'eager', JSON", 'eager'),
    etcd3: relist,
  },
  metrics: {
    ms: { label: 'time', unit: 'ms' },
    unpausedMs: { label: 'time without the random pause', unit: 'ms' },
    bytes: { label: 'on the wire', unit: 'MB' },
    cpuMs: { label: 'CPU', unit: 'ms' },
    stallMs: { label: 'longest stall', unit: 'ms' },
    fullMs: { label: 'full load, time', unit: 'ms' },
    fullBytes: { label: 'full load, on the wire', unit: 'MB' },
    unconnectedMs: { label: 'before that, until the first new connection', unit: 'ms' },
    resyncs: { label: 'resyncs', unit: 'count' },
  },
  goals: [...goals('lazy'), ...goals('eager')],
  async start(bench) {
    const etcd = await bench.etcd();
    const { keys, changed } = bench.scale;
    const prefix = '/bench/routes/';
    await seed(etcd.endpoint, prefix, keys);
    const indexes = Array.from({ length: changed }, (_, index) => Math.floor((index * keys) / changed));
    return () =>
      reconnectRound(bench, etcd.endpoint, { prefix }, async () => {
        const head = await rewrite(etcd.endpoint, prefix, indexes, bench.round + 2);
        await etcd.compact(head);
        return head;
      });
  },
};
