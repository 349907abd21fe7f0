import { Random } from '@holdfast/testkit';
import { SimClock } from '@holdfast/simulation';
import { Client } from '../clients/client.js';
import { OwnCpu, SharedProcess } from '../clients/client-cpu.js';
import type { Costs } from '../costs/costs.js';
import { Machine } from '../server/machine.js';
import { MODEL } from '../server/model-timers.js';
import { ModelServer } from '../server/model-server.js';
import { Tariff } from '../server/tariff.js';
import type { Site } from './site.js';

export interface FleetOptions {
  readonly mirrors: number;
  /** How many keys each mirror is charged for. */
  readonly keys: number;
  readonly seed: number;
  readonly costs: Costs;
  readonly site: Site;
}

/** One simulated key stands for so many: then a transaction of 100 keys changes one. */
const KEYS_EACH = 100;

/** A server and the mirrors that follow it, in one virtual time. */
export class Fleet {
  readonly clock = new SimClock();
  readonly server: ModelServer;
  readonly clients: readonly Client[];
  readonly #processes: readonly SharedProcess[];
  /** The first client that was not at the revision when it was looked at last. */
  #late = 0;

  constructor({ mirrors, keys, seed, costs, site }: FleetOptions) {
    const { cores, others, sharedBy, latencyMs } = site;
    const { clock } = this;
    clock.startsWork = (owner) => owner !== MODEL;
    const simulatedKeys = Math.max(30, Math.round(keys / KEYS_EACH));
    const tariff = new Tariff(costs, { keys, simulatedKeys });
    const machine = new Machine(cores, others);
    this.server = new ModelServer({ clock, machine, tariff, simulatedKeys });
    this.#processes = Array.from({ length: sharedBy ?? 0 }, () => new SharedProcess(clock, machine));
    const random = new Random(seed);
    const view = clock.view('clients');
    this.clients = Array.from({ length: mirrors }, (_, index) => {
      const process = this.#processes[index % Math.max(1, this.#processes.length)];
      const cpu = process?.lane() ?? new OwnCpu(clock);
      return new Client({ clock, view, server: this.server, tariff, cpu, latencyMs, random: random.fork().next });
    });
  }

  /** Whether what is done costs nothing: what comes before a scenario. */
  set isFree(free: boolean) {
    this.server.processor.isFree = free;
    for (const process of this.#processes) process.isFree = free;
  }

  open(): void {
    for (const client of this.clients) client.open();
  }

  /** Whether all clients have everything, and are live. */
  get isLive(): boolean {
    const { changed } = this.server.history;
    const { length } = this.clients;
    for (let looked = 0; looked < length; looked += 1) {
      const index = (this.#late + looked) % length;
      if (this.clients[index]?.isAt(changed) === true) continue;
      this.#late = index;
      return false;
    }
    return true;
  }

  get liveClients(): number {
    const { changed } = this.server.history;
    return this.clients.filter((client) => client.isAt(changed)).length;
  }

  /** Advances until the condition holds, at most for so long. Returns whether it does. */
  async until(condition: () => boolean, mostMs: number, stepMs: number): Promise<boolean> {
    const end = this.clock.now + mostMs;
    while (!condition()) {
      if (this.clock.now >= end) return false;
      await this.clock.advance(Math.min(stepMs, end - this.clock.now));
    }
    return true;
  }

  async close(): Promise<void> {
    const closing = Promise.all(this.clients.map((client) => client.close()));
    await this.clock.advance(1_000);
    await closing;
  }
}
