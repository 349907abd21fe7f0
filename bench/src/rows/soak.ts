import { setTimeout as delay } from 'node:timers/promises';
import { seed } from '../peers/seed.js';
import { encodePut } from '../data/wire.js';
import { writeAtRate, type WriteOrder } from '../harness/latency.js';
import { retainedBytes } from '../harness/measure.js';
import type { Row, Sample, Side } from '../harness/row.js';
import { summarize } from '../harness/stats.js';
import { number, text } from '../harness/task.js';
import { GrpcPeer } from '../peers/grpc.js';
import { mirrorJson, openHoldfast, type Decode } from '../peers/holdfast.js';

/** The most growth of memory, over the whole run, that counts as flat. */
const FLAT = 1.05;
const LOOKS = 60;
/**
 * Which part of the time is the beginning: the second sixth. By then every key has been written, and a lazy mirror keeps of each
 * value that nobody read the one before it too (M5), which it had none of when it loaded.
 */
const BEGINNING = [1 / 6, 2 / 6] as const;
const END = [5 / 6, 1] as const;

/** A mirror that lives through many updates. Its memory is looked at sixty times. */
function soakSide(label: string, decode: Decode): Side {
  return {
    label,
    async run(task) {
      const soakMs = number(task.params, 'soakMs');
      const store = await openHoldfast(text(task.params, 'endpoint'));
      const mirror = await mirrorJson(store, text(task.params, 'prefix'), decode);
      let changes = 0;
      mirror.on('change', (event) => {
        changes += event.changes.length;
      });
      task.tell('loaded');
      await task.hear('begin');
      const retained: number[] = [];
      const rss: number[] = [];
      for (let look = 0; look < LOOKS; look += 1) {
        await delay(soakMs / LOOKS);
        retained.push(await retainedBytes());
        rss.push(process.memoryUsage.rss());
      }
      const part = (values: readonly number[], [from, to]: readonly [number, number]) =>
        summarize(values.slice(from * LOOKS, to * LOOKS)).median;
      await mirror.close();
      await store.close();
      return {
        figures: {
          changes,
          startBytes: part(retained, BEGINNING),
          endBytes: part(retained, END),
          mostBytes: Math.max(...retained),
          startRssBytes: part(rss, BEGINNING),
          endRssBytes: part(rss, END),
        },
      };
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
  name: 'soak',
  title: 'Memory over many updates',
  about:
    'Keys are overwritten all over the prefix, a thousand a second, for ten minutes, while both mirrors follow; history is compacted now and then. Memory is what a garbage collection leaves, at the beginning (the second sixth of the time, when every key has been written once) and at the end (the last sixth).',
  server: 'etcd',
  onRequest: { rounds: 1 },
  ours: ['lazy', 'eager'],
  sides: {
    lazy: soakSide("mirror, decode: 'lazy'", 'lazy'),
    eager: soakSide("mirror, decode: 'eager', JSON", 'eager'),
  },
  helpers: { writer },
  metrics: {
    startBytes: { label: 'retained, beginning', unit: 'MB' },
    endBytes: { label: 'retained, end', unit: 'MB' },
    mostBytes: { label: 'retained, most', unit: 'MB' },
    startRssBytes: { label: 'RSS, beginning', unit: 'MB' },
    endRssBytes: { label: 'RSS, end', unit: 'MB' },
    changes: { label: 'changes', unit: 'count' },
  },
  goals: (['lazy', 'eager'] as const).map((side) => ({
    what: `${side} mirror, memory at the end against the beginning`,
    ours: { side, metric: 'endBytes' },
    kind: 'ratio',
    peer: { side, metric: 'startBytes' },
    limit: FLAT,
  })),
  async start(bench) {
    const etcd = await bench.etcd();
    const { keys, soakMs, rate } = bench.scale;
    const prefix = '/bench/routes/';
    await seed(etcd.endpoint, prefix, keys);
    return async () => {
      const sides = bench.order().map((name) => ({
        name,
        side: bench.start(name, { endpoint: etcd.endpoint, prefix, soakMs }),
      }));
      const writing = bench.start('writer', { endpoint: etcd.endpoint });
      await Promise.all([...sides.map(({ side }) => side.hear('loaded')), writing.hear('ready')]);
      for (const { side } of sides) side.tell('begin');
      const order: WriteOrder = { prefix, count: Math.ceil((soakMs * rate) / 1000), perSecond: rate, over: keys };
      writing.tell('write', order);
      const samples: Record<string, Sample> = {};
      const compacting = setInterval(() => void etcd.compact().catch(() => undefined), soakMs / 10);
      for (const { name, side } of sides) samples[name] = await side.result;
      clearInterval(compacting);
      writing.kill();
      return samples;
    };
  },
};
