import type { Bench } from './bench.js';
import type { Figures } from './row.js';
import type { SideProcess } from './side-process.js';

export interface FleetOptions {
  readonly side: string;
  readonly endpoints: readonly string[];
  readonly prefix: string;
  readonly clients: number;
  /** The clients are spread over so many processes. */
  readonly processes: number;
  /** How long a client may take to reach a revision, in milliseconds. */
  readonly patienceMs: number;
}

/** Many clients of one side, over several processes. All times are those of the clock that processes share. */
export class Fleet {
  readonly #parts: readonly SideProcess[];

  private constructor(parts: readonly SideProcess[]) {
    this.#parts = parts;
  }

  /** Starts the processes; the clients begin with {@link load}. */
  static async start(bench: Bench, options: FleetOptions): Promise<Fleet> {
    const { side, endpoints, prefix, clients, patienceMs } = options;
    const processes = Math.min(options.processes, clients);
    const parts = Array.from({ length: processes }, (_, index) => {
      const first = Math.floor((index * clients) / processes);
      const count = Math.floor(((index + 1) * clients) / processes) - first;
      return bench.start(side, { endpoints: endpoints.join(','), prefix, count, first, patienceMs });
    });
    const fleet = new Fleet(parts);
    await fleet.#all('ready');
    return fleet;
  }

  /** Starts all clients at once, and gives the time when the last had everything. */
  async load(): Promise<number> {
    this.#tell('begin');
    return latest(await this.#all('loaded'));
  }

  /** Gives the time when the last client had reached a revision, and followed. */
  async reach(revision: number): Promise<number> {
    this.#tell('target', revision);
    return latest(await this.#all('reached'));
  }

  /** Compares each client's content with a digest, ends the fleet, and gives the sums of its figures. */
  async end(digest: string): Promise<Figures> {
    this.#tell('check', digest);
    const total: Record<string, number> = {};
    for (const { figures } of await Promise.all(this.#parts.map((part) => part.result)))
      for (const [name, value] of Object.entries(figures)) total[name] = (total[name] ?? 0) + value;
    return total;
  }

  #tell(name: string, data?: unknown): void {
    for (const part of this.#parts) part.tell(name, data);
  }

  #all(name: string): Promise<readonly number[]> {
    return Promise.all(this.#parts.map((part) => part.hear<number>(name)));
  }
}

function latest(times: readonly number[]): number {
  return Math.max(...times);
}
