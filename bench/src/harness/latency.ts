import { keyOf, valueOf } from '../data/dataset.js';
import { COUNT_METRICS } from './event-counts.js';
import { sharedNow } from './measure.js';
import type { Figures, Metric } from './row.js';
import { percentile } from './stats.js';
import { type Task } from './task.js';

export const LATENCY_METRICS: Readonly<Record<string, Metric>> = {
  p50: { label: 'latency, p50', unit: 'ms' },
  p99: { label: 'latency, p99', unit: 'ms' },
  cpuMs: { label: 'CPU', unit: 'ms' },
  warmCpuMs: { label: 'CPU once compiled', unit: 'ms' },
  lost: { label: 'events lost', unit: 'count' },
  ...COUNT_METRICS,
};

/** An order for the writer. */
export interface WriteOrder {
  readonly prefix: string;
  readonly count: number;
  readonly perSecond: number;
  /** The number of keys to write again and again, in an order without a pattern. Without it, every write makes a new key. */
  readonly over?: number;
}

/** When written values arrived. A value holds the time of its write, by {@link sharedNow}. */
export class Arrivals {
  readonly #latencies: number[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  note(value: unknown): void {
    const { writtenAt } = (value ?? {}) as { writtenAt?: number };
    if (writtenAt === undefined) return;
    this.#latencies.push(sharedNow() - writtenAt);
    if (this.#waiting !== undefined && this.#latencies.length >= this.#waiting.count) this.#waiting.resolve();
  }

  get count(): number {
    return this.#latencies.length;
  }

  reset(): void {
    this.#latencies.length = 0;
  }

  /** Resolves when so many have arrived since the reset. */
  reach(count: number): Promise<void> {
    if (this.#latencies.length >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting = { count, resolve };
    });
  }

  figures(written: number): Figures {
    const { length } = this.#latencies;
    return { p50: percentile(this.#latencies, 50), p99: percentile(this.#latencies, 99), lost: written - length };
  }
}

/** The writer's process: follows its orders until one is `stop`. */
export async function writeAtRate(task: Task, write: (key: string, value: string) => Promise<unknown>): Promise<void> {
  task.tell('ready');
  for (;;) {
    const order = await task.hear<WriteOrder | 'stop'>('write');
    if (order === 'stop') return;
    await writeAll(order, write);
    task.tell('written');
  }
}

/** Writes by the clock, whether or not earlier writes were answered: a slow server does not slow the writer. */
export function writeAll(
  { prefix, count, perSecond, over }: WriteOrder,
  write: (key: string, value: string) => Promise<unknown>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    let sent = 0;
    let answered = 0;
    const one = async (index: number): Promise<void> => {
      await write(
        keyOf(prefix, over === undefined ? index : (index * 7_919) % over),
        `{"writtenAt":${sharedNow()},${valueOf(index).slice(1)}`,
      );
      answered += 1;
      if (answered === count) resolve();
    };
    const timer = setInterval(() => {
      const due = Math.min(count, Math.ceil(((performance.now() - began) * perSecond) / 1000));
      while (sent < due) one(sent++).catch(reject);
      if (sent === count) clearInterval(timer);
    }, 1);
  });
}
