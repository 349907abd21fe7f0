import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** The CPU time of all threads of a process, in milliseconds. The kernel counts it in nanoseconds here. */
export function cpuMsOf(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [spent = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    nanoseconds += Number(spent);
  }
  return nanoseconds / 1e6;
}

/** The CPU time of this process, in milliseconds. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

export interface Spent {
  readonly serverMs: number;
  readonly clientMs: number;
}

const SETTLE_MS = 300;

/** Measures the CPU time that work costs a server and this process, less what the idle server spends in that time. */
export class CpuMeter {
  readonly #pid: number;
  /** Milliseconds of CPU time in each millisecond. */
  #idle = 0;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Learns what the server spends while nobody asks it anything. */
  async learnIdle(ms = 3_000): Promise<void> {
    const began = cpuMsOf(this.#pid);
    const since = performance.now();
    await delay(ms);
    this.#idle = (cpuMsOf(this.#pid) - began) / (performance.now() - since);
  }

  async spentOn(work: () => Promise<unknown>): Promise<Spent> {
    const [server, client, since] = [cpuMsOf(this.#pid), ownCpuMs(), performance.now()];
    await work();
    const clientMs = ownCpuMs() - client;
    // A server collects garbage and ends streams a little later.
    await delay(SETTLE_MS);
    return { serverMs: cpuMsOf(this.#pid) - server - this.#idle * (performance.now() - since), clientMs };
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (low + high) / 2;
}

export function medianSpent(all: readonly Spent[]): Spent {
  return {
    serverMs: median(all.map(({ serverMs }) => serverMs)),
    clientMs: median(all.map(({ clientMs }) => clientMs)),
  };
}
