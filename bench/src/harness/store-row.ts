import type { Bench } from './bench.js';
import { assertEqualContent } from './equal-content.js';
import type { WriteOrder } from './latency.js';
import type { Goal, Metric, Sample, Side } from './row.js';
import { writeAtRate } from './latency.js';
import { sideOf } from './other-checkout.js';
import type { SideProcess } from './side-process.js';
import { text } from './task.js';

export const STORE_METRICS: Readonly<Record<string, Metric>> = {
  ms: { label: 'load', unit: 'ms' },
  stallMs: { label: 'its longest stall', unit: 'ms' },
  cpuMs: { label: 'its CPU', unit: 'ms' },
  parsedMs: { label: 'load, every value parsed', unit: 'ms' },
  parsedStallMs: { label: 'its longest stall', unit: 'ms' },
  perKey: { label: 'memory a key', unit: 'bytes' },
  putMs: { label: 'durable put, p50', unit: 'ms' },
  meanMs: { label: 'durable put, mean', unit: 'ms' },
  sharedMs: { label: 'a put of 64 writers', unit: 'ms' },
  p50: { label: 'put → change, p50', unit: 'ms' },
  p99: { label: 'put → change, p99', unit: 'ms' },
  lost: { label: 'changes lost', unit: 'count' },
  cpuPercent: { label: 'idle, CPU of one core', unit: '%' },
};

/** A goal for our side against a peer's figure of the same kind. */
export function against(what: string, metric: string, peer: string, limit: number): Goal {
  return { what, kind: 'ratio', ours: { side: 'store', metric }, peer: { side: peer, metric }, limit };
}

/** A goal for our side alone. */
export function atMost(what: string, metric: string, limit: number): Goal {
  return { what, kind: 'at-most', ours: { side: 'store', metric }, limit };
}

/** That 64 writers of one process share what a put waits for. */
export const groupCommit = (store: string): Goal => ({
  what: `${store}: a put of 64 writers at once, against one alone`,
  kind: 'ratio',
  ours: { side: 'store', metric: 'sharedMs' },
  peer: { side: 'store', metric: 'putMs' },
  limit: 0.2,
});

export const LOADED = 'bench/routes/';
export const WARMUP = 'bench/warmup/';

/** Every side once, each on its own place. What changes there is written by the helper `writer`, a process of its own. */
export async function storeRound(
  bench: Bench,
  places: Readonly<Record<string, string>>,
  keys: number,
): Promise<Readonly<Record<string, Sample>>> {
  const samples: Record<string, Sample> = {};
  const { writes, rate, idleMs, puts } = bench.scale;
  for (const name of bench.order()) {
    const { side, isOther } = sideOf(name);
    const place = places[side] ?? '';
    const scratch = `bench/scratch-${bench.round}${isOther ? '-other' : ''}/`;
    const params = { place, prefix: LOADED, warmupPrefix: WARMUP, scratch, keys, writes, rate, idleMs, puts };
    const running = bench.start(name, params);
    await writeFor(running, () => bench.start('writer', { place }));
    samples[name] = await running.result;
  }
  assertEqualContent(samples);
  return samples;
}

/** Passes the orders of a side on to a writer, which is started with the first of them. */
async function writeFor(running: SideProcess, start: () => SideProcess): Promise<void> {
  let writer: SideProcess | undefined;
  for (;;) {
    const order = await running.hear<WriteOrder | 'stop'>('write');
    if (order === 'stop') break;
    if (writer === undefined) {
      writer = start();
      await writer.hear('ready');
    }
    writer.tell('write', order);
    await writer.hear('written');
    running.tell('written');
  }
  writer?.tell('write', 'stop');
  await writer?.result;
}

/** The helper of {@link storeRound}. */
export function writerSide(
  open: (
    place: string,
  ) => Promise<{ put(key: string, value: string): Promise<unknown>; close(): Promise<void> | void }>,
): Side {
  return {
    label: 'writer',
    async run(task) {
      const target = await open(text(task.params, 'place'));
      await writeAtRate(task, (key, value) => target.put(key, value));
      await target.close();
      return { figures: {} };
    },
  };
}
