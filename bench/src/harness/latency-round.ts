import { setTimeout as delay } from 'node:timers/promises';
import { canRun } from '../peers/go-program.js';
import type { Bench } from './bench.js';
import { COUNT_PASSES, counted } from './event-counts.js';
import { Arrivals, type WriteOrder } from './latency.js';
import { profiled } from './profiler.js';
import type { Figures, Sample, Side } from './row.js';
import { number, text } from './task.js';

/** After this time without an event, missing events count as lost. */
export const PATIENCE_MS = 3_000;

/** So many times the writes come before CPU is measured once more, by when V8 has compiled what they run through. */
export const COMPILED_AFTER = 2;

/** While events are counted, so many come a second: nearly always one at a time, and not two in one message. */
const COUNTED_PER_SECOND = 250;

/** Connects and follows a prefix, and notes every arrival. Resolves when it will see every later write. */
export type Listen = (
  endpoint: string,
  prefix: string,
  arrivals: Arrivals,
) => Promise<{ close(): Promise<void> | void }>;

/** A side that reports how late each write arrives. */
export function latencySide(label: string, listen: Listen): Side {
  return {
    label,
    async run(task) {
      const writes = number(task.params, 'writes');
      const arrivals = new Arrivals();
      const listening = await listen(text(task.params, 'endpoint'), text(task.params, 'prefix'), arrivals);
      task.tell('listening');
      // The first part of the writes warms up.
      await task.hear('warm');
      arrivals.reset();
      globalThis.gc?.();
      const cpuMs = await cpuOf(async () => {
        task.tell('measuring');
        await profiled(() => Promise.race([arrivals.reach(writes), lastOf(arrivals)]));
      });
      let figures: Figures = { ...arrivals.figures(writes), cpuMs };
      arrivals.reset();
      task.tell('compiling');
      await Promise.race([arrivals.reach(COMPILED_AFTER * writes), lastOf(arrivals)]);
      arrivals.reset();
      const warmCpuMs = await cpuOf(async () => {
        task.tell('measuring again');
        await Promise.race([arrivals.reach(writes), lastOf(arrivals)]);
      });
      figures = { ...figures, warmCpuMs };
      const events = countedOf(writes);
      for (const pass of COUNT_PASSES) {
        arrivals.reset();
        const counts = await counted(pass, events, async () => {
          task.tell(`counting ${pass}`);
          await Promise.race([arrivals.reach(events), lastOf(arrivals)]);
        });
        figures = { ...figures, ...counts };
      }
      await listening.close();
      return { figures };
    },
  };
}

/** The CPU time of all threads of the process, V8's compiler included, in milliseconds. */
async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** How many of the writes are repeated to count what they cost. */
export function countedOf(writes: number): number {
  return Math.ceil(writes / 10);
}

/** Every side of the row, one after another, each with the same writes. The row's helper `writer` does them. */
export async function latencyRound(bench: Bench, endpoint: string): Promise<Readonly<Record<string, Sample>>> {
  const { writes, rate } = bench.scale;
  const writer = bench.start('writer', { endpoint });
  await writer.hear('ready');
  const write = async (order: WriteOrder): Promise<void> => {
    writer.tell('write', order);
    await writer.hear('written');
  };
  const samples: Record<string, Sample> = {};
  for (const side of bench.order().filter(canRun)) {
    const prefix = `/bench/latency-${bench.round}-${side}/`;
    const listening = bench.start(side, { endpoint, prefix, writes });
    await listening.hear('listening');
    await write({ prefix: `${prefix}warmup-`, count: Math.ceil(writes / 6), perSecond: rate });
    await delay(200);
    listening.tell('warm');
    await listening.hear('measuring');
    await write({ prefix, count: writes, perSecond: rate });
    await listening.hear('compiling');
    await write({ prefix: `${prefix}compiling-`, count: COMPILED_AFTER * writes, perSecond: 2 * rate });
    await listening.hear('measuring again');
    await write({ prefix: `${prefix}again-`, count: writes, perSecond: rate });
    for (const pass of COUNT_PASSES) {
      await listening.hear(`counting ${pass}`);
      await write({ prefix: `${prefix}${pass}-`, count: countedOf(writes), perSecond: COUNTED_PER_SECOND });
    }
    samples[side] = await listening.result;
  }
  writer.tell('write', 'stop');
  await writer.result;
  return samples;
}

async function lastOf(arrivals: Arrivals): Promise<void> {
  for (let before = -1; before !== arrivals.count || before === 0;) {
    before = arrivals.count;
    await delay(PATIENCE_MS);
  }
}
