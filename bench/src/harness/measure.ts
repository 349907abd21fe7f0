import { readFileSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { profiled } from './profiler.js';
import type { Figures } from './row.js';

export interface Measured<T> {
  readonly result: T;
  /** `ms`, `stallMs` (the longest that the event loop was held), `cpuMs`, `peakBytes` (RSS above that at the start), `rssBytes` (RSS with it). */
  readonly figures: Figures;
}

/** Measures one piece of work: time, stall, CPU and memory. */
export async function measure<T>(work: () => Promise<T>): Promise<Measured<T>> {
  await settle();
  resetPeak();
  const rss = process.memoryUsage.rss();
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await delay(5);
  histogram.reset();
  const cpu = process.cpuUsage();
  const began = performance.now();
  const result = await profiled(work);
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  const rssBytes = peakRss();
  const peakBytes = Math.max(0, rssBytes - rss);
  // A stall at the very end shows only when the histogram's timer fires after it.
  await delay(5);
  histogram.disable();
  return { result, figures: { ms, stallMs: histogram.max / 1e6, cpuMs: (user + system) / 1000, peakBytes, rssBytes } };
}

/** The bytes that are still in use: in the heap, and in buffers outside of it. */
export async function retainedBytes(): Promise<number> {
  await settle();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A clock that all processes of the machine share, in milliseconds. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) {
    globalThis.gc?.();
    await delay(2);
  }
}

/** Linux counts the peak anew when told; elsewhere the process's whole life counts, warm-up included. */
function resetPeak(): void {
  if (process.platform === 'linux') writeFileSync('/proc/self/clear_refs', '5');
}

function peakRss(): number {
  return process.platform === 'linux' ? statusBytes('self', 'VmHWM') : process.resourceUsage().maxRSS * 1024;
}

/** Begins to count how much more memory another process has at its peak than now, in bytes. Linux alone tells it: elsewhere it is NaN. */
export function memoryPeakOf(pid: number): () => number {
  if (process.platform !== 'linux') return () => NaN;
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = statusBytes(pid, 'VmRSS');
  return () => statusBytes(pid, 'VmHWM') - before;
}

function statusBytes(pid: number | 'self', field: 'VmHWM' | 'VmRSS'): number {
  const kib = new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}
