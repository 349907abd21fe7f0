/** The sizes of a run. All follow from the number of keys, so that a small run is small everywhere. */
export interface Scale {
  readonly keys: number;
  /** Keys that are read to warm up. */
  readonly warmupKeys: number;
  /** The smaller prefix of rows that write a lot to it. */
  readonly smallKeys: number;
  /** Revisions that a mirror misses before it comes back. */
  readonly missed: number;
  /** Keys that differ at a resync. */
  readonly changed: number;
  /** Key counts of the growth row. */
  readonly growth: readonly number[];
  /** Key counts of the row of large prefixes. */
  readonly large: readonly number[];
  /** Writes of the latency rows, at `rate` a second. */
  readonly writes: number;
  readonly rate: number;
  /** Durable puts of the rows of stores, one after another. */
  readonly puts: number;
  /** Locks that are taken and given away, one after another, and how many wait for one. */
  readonly locks: number;
  readonly waiters: number;
  readonly mirrors: number;
  readonly idleMs: number;
  /** Key counts of the memory store's row. */
  readonly memoryKeys: readonly number[];
  /** How often that row does each operation. */
  readonly operations: number;
  readonly fanOut: number;
  readonly soakMs: number;
  readonly fleet: FleetScale;
}

/** The sizes of the rows of fleets. Times are in milliseconds. */
export interface FleetScale {
  readonly clients: number;
  readonly keys: number;
  /** The clients are spread over so many processes. */
  readonly processes: number;
  /** A smaller fleet, with more keys. */
  readonly fewClients: number;
  readonly manyKeys: number;
  /** The clients of the row that catches up, and how many revisions they miss. */
  readonly behind: number;
  readonly missed: number;
  readonly transactions: number;
  readonly keysEach: number;
  /** After the load, before anything happens. */
  readonly settleMs: number;
  /** How long the server is gone. */
  readonly downMs: number;
  /** How long the other client writes at least, and is looked at for all sides alike. */
  readonly windowMs: number;
  /** After all are live, until the servers are looked at for the last time: clients may put work off for as long as `livenessMs`. */
  readonly afterMs: number;
  /** How long a client may take to become equal. */
  readonly patienceMs: number;
  readonly writesPerSecond: number;
}

export const FULL_KEYS = 100_000;
/** The sizes at which the goals of fleets hold. */
export const FULL_FLEET = { clients: 300, keys: 10_000 } as const;

export function scaleOf(keys: number, clients: number = FULL_FLEET.clients): Scale {
  const part = (share: number): number => Math.max(1, Math.round(keys * share));
  return {
    keys,
    warmupKeys: part(0.1),
    smallKeys: part(0.1),
    missed: part(0.2),
    changed: part(0.001),
    growth: [part(0.01), part(0.1), keys, 3 * keys],
    large: [keys, 5 * keys, 10 * keys],
    writes: part(0.03),
    rate: 1000,
    puts: part(0.01),
    locks: Math.max(30, part(0.03)),
    waiters: Math.max(3, part(0.001)),
    mirrors: part(0.01),
    idleMs: Math.max(100, part(0.12)),
    memoryKeys: [part(0.01), part(0.1), keys, 10 * keys],
    operations: Math.min(50_000, part(0.5)),
    fanOut: part(0.01),
    soakMs: 6 * keys,
    fleet: fleetScaleOf(clients, keys),
  };
}

function fleetScaleOf(clients: number, keys: number): FleetScale {
  // A small fleet is a trial of the row, and should not take minutes.
  const upTo = (ms: number): number => Math.min(ms, Math.round((ms * clients) / 100));
  return {
    clients,
    keys,
    processes: Math.min(6, Math.ceil(clients / 2)),
    fewClients: Math.max(1, Math.round(clients / 10)),
    manyKeys: 10 * keys,
    behind: Math.max(Math.min(3, clients), Math.round(clients / 3)),
    missed: 2 * keys,
    transactions: 30,
    keysEach: 100,
    settleMs: upTo(5_000),
    downMs: upTo(3_000),
    windowMs: upTo(10_000),
    afterMs: upTo(35_000),
    patienceMs: 180_000,
    writesPerSecond: 100,
  };
}
