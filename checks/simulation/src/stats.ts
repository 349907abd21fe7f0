/** What there was in a world, or in many: figures that add up. */
export interface Stats {
  steps: number;
  timers: number;
  /** Messages that arrived over a link. */
  messages: number;
  commits: number;
  /** Change events that listeners were told, each compared with the store's state at its bookmark. */
  events: number;
  /** Times that somebody looked at all of a mirror, and compared it. */
  looks: number;
  /** Times that a mirror's state and `asOf` were held against what was committed. */
  states: number;
  /** Calls of `sync()` that were done, and checked. */
  syncs: number;
  /** Resyncs of which it was checked that there was a reason. */
  resyncs: number;
  /** Batches of plain watches, and the events in them. */
  batches: number;
  watchEvents: number;
  /** Calls of applications in worlds of one history: those whose answers were checked. */
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
