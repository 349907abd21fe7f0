import { observed, type Told } from '@holdfast/locks/judging';
import { isStoreError } from '@holdfast/store';
import { sleep } from '@holdfast/store/adapter';
import type { Process } from './process.js';
import type { Queues } from './queues.js';

export interface ObserverOptions {
  readonly name: string;
  readonly process: Process;
  readonly queues: Queues;
  readonly trace: ((line: string) => void) | undefined;
  readonly violated: (guarantee: string, message: string) => void;
}

const AGAIN_MS = 500;

/** Somebody who observes an election, and what it was told. Each observation is judged by itself. */
export class ObserverHost {
  readonly #options: ObserverOptions;
  readonly #stop = new AbortController();
  readonly #observations: Told[][] = [];
  #running: Promise<void> | undefined;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  get told(): number {
    return this.#observations.reduce((sum, told) => sum + told.length, 0);
  }

  start(): void {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { process, name, violated, trace } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const told: Told[] = [];
      this.#observations.push(told);
      try {
        for await (const leader of process.implementation.observeLeader(process.store, name, {
          signal,
          clock: process.clock,
          random: () => 0.5,
        })) {
          const value = leader && Buffer.from(leader.value).toString();
          trace?.(`an observer of ${name}: ${value ?? 'nobody'}${leader?.gap === true ? ' after a gap' : ''}`);
          told.push(leader && { token: leader.token, value: value ?? '', gap: leader.gap === true });
        }
      } catch (error) {
        if (isStoreError(error, 'aborted') && signal.aborted) return;
        if (!isStoreError(error, 'internal') && !process.mayRefuse(error))
          violated('outcome', `an observer of ${name} ended: ${String(error)}`);
        await sleep(process.clock, AGAIN_MS, signal).catch(() => undefined);
      }
    }
  }

  /** Judges everything that it was told. The last observation must have caught up. */
  judge(): readonly string[] {
    const successions = this.#options.queues.successions(this.#options.name);
    const last = this.#observations.length - 1;
    return this.#observations.flatMap((told, index) => observed(successions, told, index === last));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
