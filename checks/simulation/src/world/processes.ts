import type { Death, Plan } from '../plans/plan.js';
import type { Background } from './background.js';
import type { Client } from '../links/client.js';
import type { Endpoints } from '../cluster/endpoints.js';
import type { FaultCounts } from './fault-counts.js';
import type { MirrorHost } from '../users/mirror-host.js';
import type { SimClock } from '../sim-clock.js';
import type { WatchHost } from '../users/watch-host.js';

/** What of a world its processes are. */
interface ProcessParts {
  readonly plan: Plan;
  readonly clients: readonly Client[];
  readonly mirrors: readonly MirrorHost[];
  readonly watches: readonly WatchHost[];
  readonly endpoints: Endpoints | undefined;
  readonly faults: FaultCounts;
  readonly background: Background;
  readonly clock: SimClock;
}

/** The processes of a world, which die and are started again. */
export class Processes {
  readonly #parts: ProcessParts;
  /** Process → resolves when nothing of the one before is left. */
  readonly #ending = new Map<number, Promise<unknown>>();
  #isStopped = false;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
  }

  /** A process dies at this moment, with its mirrors and watches. It is started again after `downMs` milliseconds. */
  die(client: number, how: Death, downMs: number): void {
    const { clients, faults, endpoints, background, clock } = this.#parts;
    const index = client % clients.length;
    const process = clients[index];
    if (process === undefined || process.isDown) return;
    faults.add(how === 'killed' ? 'process killed' : 'power failure');
    // The next process knows no cluster yet, and takes the one that it finds.
    endpoints?.expel();
    // Elsewhere than on its own machine nobody can tell that it has ended.
    const isSeen = downMs % 3 !== 1;
    const ended = Promise.all([
      ...this.#mirrors(index).map((mirror) => mirror.die(how, isSeen)),
      ...this.#watches(index).map((watch) => closeLater(watch)),
      process.die(),
    ]);
    this.#ending.set(index, ended);
    background.start(ended);
    if (downMs === 0) background.start(this.#start(index));
    else clock.set('application', () => void background.start(this.#start(index)), downMs);
  }

  /** From now on none is started again. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Starts all that are down. */
  startAll(): void {
    for (const index of this.#parts.clients.keys()) this.#parts.background.start(this.#start(index));
  }

  async #start(index: number): Promise<void> {
    const process = this.#parts.clients[index];
    await this.#ending.get(index);
    if (process?.isDown !== true || this.#isStopped) return;
    process.isDown = false;
    for (const mirror of this.#mirrors(index)) mirror.open();
    for (const watch of this.#watches(index)) watch.open();
  }

  #mirrors(index: number) {
    return this.#parts.mirrors.filter((_, each) => this.#isOf(this.#parts.plan.mirrors[each], index));
  }

  #watches(index: number) {
    return this.#parts.watches.filter((_, each) => this.#isOf(this.#parts.plan.watches[each], index));
  }

  #isOf(plan: { readonly client: number } | undefined, index: number): boolean {
    return plan !== undefined && plan.client % this.#parts.clients.length === index;
  }
}

/** A batch that its consumer received before is recorded a turn later. */
async function closeLater(watch: WatchHost): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await watch.close();
}
