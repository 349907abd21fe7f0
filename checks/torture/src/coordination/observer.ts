import { observed, type Succession, type Told } from '@holdfast/locks/judging';
import { isStoreError, type ConfigStore } from '@holdfast/store';
import type { CallFailures } from '../call-failures.js';
import type { Implementation } from './ground.js';

export interface ObserverOptions {
  readonly name: string;
  readonly store: ConfigStore;
  readonly implementation: Implementation;
  readonly failures: CallFailures;
}

const AGAIN_MS = 100;

/** Somebody who observes an election, and what it was told. Each observation is judged by itself. */
export class Observer {
  readonly name: string;
  readonly #options: ObserverOptions;
  readonly #stop = new AbortController();
  readonly #observations: Told[][] = [];
  readonly #running: Promise<void>;

  constructor(options: ObserverOptions) {
    this.name = options.name;
    this.#options = options;
    this.#running = this.#run();
  }

  get told(): number {
    return this.#observations.reduce((sum, told) => sum + told.length, 0);
  }

  /** Judges everything that it was told; the last observation must have caught up. */
  judge(successions: readonly Succession[]): readonly string[] {
    const last = this.#observations.length - 1;
    return this.#observations.flatMap((told, index) => observed(successions, told, index === last));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { name, store, implementation, failures } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const told: Told[] = [];
      this.#observations.push(told);
      try {
        for await (const leader of implementation.observeLeader(store, name, { signal })) {
          const value = leader && Buffer.from(leader.value).toString();
          told.push(leader && { token: leader.token, value: value ?? '', gap: leader.gap === true });
        }
      } catch (error) {
        if (isStoreError(error, 'aborted') && signal.aborted) return;
        failures.add(error);
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }
}
