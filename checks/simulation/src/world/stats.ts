/** Counts from a world, or from many. They can be added up. */
export interface Stats {
  steps: number;
  timers: number;
  /** Messages that arrived over a link. */
  messages: number;
  commits: number;
  /** Change events of listeners, each compared with the store's state at its bookmark. */
  events: number;
  /** Comparisons of a whole mirror. */
  looks: number;
  /** Checks of a mirror's state and `asOf` against the commits. */
  states: number;
  /** Calls of `sync()` that succeeded and were checked. */
  syncs: number;
  /** Resyncs whose reason was checked. */
  resyncs: number;
  /** Batches of plain watches, and their events. */
  batches: number;
  watchEvents: number;
  /** Calls of applications whose answers were checked: those in worlds with one history. */
  operations: number;
  /** Virtual milliseconds. */
  elapsedMs: number;
}

export function noStats(): Stats {
  return {
    steps: 0,
    timers: 0,
    messages: 0,
    commits: 0,
    events: 0,
    looks: 0,
    states: 0,
    syncs: 0,
    resyncs: 0,
    batches: 0,
    watchEvents: 0,
    operations: 0,
    elapsedMs: 0,
  };
}

export function addStats(total: Stats, own: Stats): void {
  for (const name of Object.keys(own) as (keyof Stats)[]) total[name] += own[name];
}

export function addCounts(total: Record<string, number>, own: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(own)) total[name] = (total[name] ?? 0) + count;
}
