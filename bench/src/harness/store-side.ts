import { setTimeout as delay } from 'node:timers/promises';
import { keyOf, valueOf } from '../data/dataset.js';
import type { Contender } from '../peers/contender.js';
import { Arrivals, writeAll } from './latency.js';
import { measure, retainedBytes } from './measure.js';
import { profiled } from './profiler.js';
import type { Figures, Sample, Side } from './row.js';
import { percentile } from './stats.js';
import { number, text, type Task } from './task.js';

/** How often the small prefix is loaded to warm V8 up before the measurement. */
const WARMUPS = 3;
const MOST_WRITERS = 64;
/** After this time without an event, missing events count as lost. */
const PATIENCE_MS = 3_000;

/** A side that does all of that, one after the other. */
export function contenderSide(
  label: string,
  open: (place: string, params: Task['params']) => Promise<Contender>,
  writesItself = false,
): Side {
  return {
    label,
    async run(task): Promise<Sample> {
      const contender = await open(text(task.params, 'place'), task.params);
      const { figures, digest } = await loads(task, contender);
      const all: Figures = {
        ...figures,
        ...(await puts(task, contender)),
        ...(await latencies(task, contender, writesItself)),
        ...(await rests(task, contender)),
      };
      await contender.close();
      return { figures: all, digest };
    },
  };
}

async function loads({ params }: Task, { load, loadParsed }: Contender): Promise<{ figures: Figures; digest: string }> {
  const [prefix, warmup, keys] = [text(params, 'prefix'), text(params, 'warmupPrefix'), number(params, 'keys')];
  for (let time = 0; time < WARMUPS; time += 1) {
    await (await load(warmup)).close();
    await (await loadParsed(warmup)).close();
  }
  const before = await retainedBytes();
  const raw = await measure(() => load(prefix));
  const perKey = ((await retainedBytes()) - before) / keys;
  const digest = raw.result.digest();
  await raw.result.close();
  const parsed = await measure(() => loadParsed(prefix));
  if (parsed.result.digest() !== digest) throw new Error('the values differ once they are parsed');
  await parsed.result.close();
  const { ms = 0, stallMs = 0, cpuMs = 0 } = raw.figures;
  const { ms: parsedMs = 0, stallMs: parsedStallMs = 0 } = parsed.figures;
  return { figures: { ms, stallMs, cpuMs, perKey, parsedMs, parsedStallMs }, digest };
}

/** One put after another, and then of many writers at once. Keys are written again and again. */
async function puts({ params }: Task, { put }: Contender): Promise<Figures> {
  if (put === undefined) return {};
  const count = number(params, 'puts');
  const prefix = `${text(params, 'scratch')}puts/`;
  const one = (index: number) => put(keyOf(prefix, index % 50), valueOf(index));
  for (let index = 0; index < count; index += 1) await one(index);
  const times: number[] = [];
  await profiled(async () => {
    for (let index = 0; index < count; index += 1) {
      const began = performance.now();
      await one(index);
      times.push(performance.now() - began);
    }
  });
  // A trial of the row with a few keys should not take seconds.
  const writers = Math.min(MOST_WRITERS, count);
  const each = Math.ceil(count / 8);
  const writer = async (number: number): Promise<void> => {
    for (let index = 0; index < each; index += 1) await put(keyOf(`${prefix}${number}/`, index % 50), valueOf(index));
  };
  const writeAtOnce = () => Promise.all(Array.from({ length: writers }, (_, number) => writer(number)));
  await writeAtOnce();
  const began = performance.now();
  await writeAtOnce();
  const sharedMs = (performance.now() - began) / (writers * each);
  const meanMs = times.reduce((sum, ms) => sum + ms, 0) / count;
  return { putMs: percentile(times, 50), meanMs, sharedMs };
}

async function latencies(task: Task, { listen, put }: Contender, writesItself: boolean): Promise<Figures> {
  if (listen === undefined) {
    task.tell('write', 'stop');
    return {};
  }
  const [writes, rate] = [number(task.params, 'writes'), number(task.params, 'rate')];
  const prefix = `${text(task.params, 'scratch')}latency/`;
  const arrivals = new Arrivals();
  const listening = await listen(prefix, arrivals);
  const write = async (part: string, count: number): Promise<void> => {
    arrivals.reset();
    const order = { prefix: `${prefix}${part}-`, count, perSecond: rate };
    if (writesItself && put !== undefined) await writeAll(order, put);
    else {
      task.tell('write', order);
      await task.hear('written');
    }
    await Promise.race([arrivals.reach(count), lastOf(arrivals)]);
  };
  await write('warmup', Math.ceil(writes / 6));
  globalThis.gc?.();
  await write('measured', writes);
  const figures = arrivals.figures(writes);
  task.tell('write', 'stop');
  await listening.close();
  return figures;
}

async function rests({ params }: Task, { rest }: Contender): Promise<Figures> {
  if (rest === undefined) return {};
  const idleMs = number(params, 'idleMs');
  const resting = await rest();
  await delay(Math.min(2_000, idleMs));
  globalThis.gc?.();
  const before = process.cpuUsage();
  await delay(idleMs);
  const { user, system } = process.cpuUsage(before);
  await resting.close();
  return { cpuPercent: (user + system) / 10 / idleMs };
}

async function lastOf(arrivals: Arrivals): Promise<void> {
  for (let before = -1; before !== arrivals.count || before === 0;) {
    before = arrivals.count;
    await delay(PATIENCE_MS);
  }
}
