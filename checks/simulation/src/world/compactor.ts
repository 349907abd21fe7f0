import type { MemoryStore } from '@holdfast/memory';
import type { Server } from './server.js';
import type { SimClock } from '../sim-clock.js';

export interface CompactorOptions {
  readonly data: MemoryStore;
  readonly clock: SimClock;
  readonly server: Server;
  readonly count: (fault: string) => void;
}

/** Where no mirror looks. Writes there move the head, so that what mirrors know of is behind every compaction. */
const ELSEWHERE = '/elsewhere';

/** Compacts all history again and again, in step with a writer that no mirror sees. */
export class Compactor {
  readonly #options: CompactorOptions;
  readonly #everyMs: number;
  #isOn = true;
  #writes = 0;

  constructor(everyMs: number, options: CompactorOptions) {
    this.#everyMs = everyMs;
    this.#options = options;
    this.#wait();
  }

  stop(): void {
    this.#isOn = false;
  }

  #wait(): void {
    this.#options.clock.set(
      'compactor',
      () => {
        if (!this.#isOn) return;
        this.#compact().catch(() => undefined);
        this.#wait();
      },
      this.#everyMs,
    );
  }

  async #compact(): Promise<void> {
    const { data, server, count } = this.#options;
    if (server.isResting) return;
    this.#writes += 1;
    await data.put(ELSEWHERE, String(this.#writes));
    count('compaction in a storm');
    await server.compact(0);
  }
}
