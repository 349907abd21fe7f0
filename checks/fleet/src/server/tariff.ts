import { type Costs, type ReadCosts, readCostsFor, type ServerCosts } from '../costs/costs.js';

/** What is read of a list: enough to know what it costs. */
export interface ReadShape {
  readonly isSingleKey: boolean;
  readonly countOnly: boolean;
  readonly keysOnly: boolean;
  readonly limit: number | undefined;
  readonly isSorted: boolean;
  readonly isDelta: boolean;
  readonly isPast: boolean;
}

export interface Price {
  readonly kind: string;
  readonly costMs: number;
}

/**
 * What requests cost, where each key of the simulated range stands for many: a mirror has few keys, and its server is charged for all
 * that they stand for.
 */
export class Tariff {
  readonly costs: ServerCosts;
  readonly client: Costs['client'];
  /** How many keys, and how many events, one of the simulated stands for. */
  readonly scale: number;
  readonly #reads: ReadCosts;

  constructor(
    { server, client }: Costs,
    { keys, simulatedKeys }: { readonly keys: number; readonly simulatedKeys: number },
  ) {
    this.costs = server;
    this.client = client;
    this.scale = keys / simulatedKeys;
    this.#reads = readCostsFor(server, keys);
  }

  get keys(): number {
    return this.#reads.keys;
  }

  /** @param items how many simulated entries the answer has */
  list(shape: ReadShape, items: number): Price {
    const reads = this.#reads;
    const returned = Math.min(shape.limit ?? Infinity, items * this.scale);
    const item = Math.max(0, (shape.keysOnly ? reads.scanKeys : reads.scan) - reads.first) / reads.keys;
    if (shape.isSingleKey) return { kind: 'head', costMs: reads.key };
    if (shape.countOnly) return { kind: 'count', costMs: reads.count };
    if (shape.isDelta) return { kind: 'delta', costMs: reads.delta + returned * this.costs.deltaItem };
    if (shape.isSorted) {
      const costMs = shape.isPast ? reads.newestAtRevision : reads.newest;
      return { kind: shape.isPast ? 'history check' : 'newest', costMs: costMs + Math.max(0, returned - 1) * item };
    }
    return { kind: 'list', costMs: reads.first + returned * item };
  }

  /** One of the pages of a whole scan. */
  page(keysOnly: boolean, pages: number): Price {
    return { kind: 'page', costMs: (keysOnly ? this.#reads.scanKeys : this.#reads.scan) / pages };
  }

  /** A response of a watch with so many events. */
  response(events: number): number {
    return this.costs.message + events * this.costs.event;
  }

  /** The scan for watchers that are behind. */
  replay(events: number): number {
    return events * this.costs.replayedEvent;
  }

  /** A transaction that changes so many keys. */
  transaction(keys: number): number {
    return (this.costs.transaction * keys) / 100;
  }
}
