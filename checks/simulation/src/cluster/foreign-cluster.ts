import { memoryStore, type MemoryStore } from '@holdfast/memory';
import type { Clock } from '@holdfast/store';

export interface ForeignClusterOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly violated: (guarantee: string, message: string) => void;
}

/**
 * A member that was bootstrapped anew as a separate cluster. It answers every client. Clients may ask for its identity, but a client that
 * reads, watches or writes there has taken it for a member of the cluster (`foreign`).
 */
export class ForeignCluster {
  readonly identity = 'foreign';
  readonly store: MemoryStore;
  readonly #violated: ForeignClusterOptions['violated'];

  constructor({ clock, random, violated }: ForeignClusterOptions) {
    this.store = memoryStore({ clock, random, identity: this.identity });
    this.#violated = violated;
  }

  /** A client's call arrives. */
  serve(client: string, what: string): void {
    this.#violated('foreign', `a ${what} of ${client} is served by a cluster of another identity`);
  }
}
