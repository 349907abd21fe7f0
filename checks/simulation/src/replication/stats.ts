/** Counts from a world of replicators, or from many. */
export interface ReplicationStats {
  steps: number;
  timers: number;
  messages: number;
  /** Commits in the source. */
  written: number;
  /** Commits of replicators in the target, each compared with the source. */
  carried: number;
  /** Records that say that the target is complete, each compared with the source at its bookmark. */
  compared: number;
  /** Replicators that were started; that ended by themselves. */
  started: number;
  ended: number;
  /** Conflicts that were told. */
  conflicts: number;
  /** Calls of `sync()` that succeeded and were checked. */
  syncs: number;
  /** Virtual milliseconds. */
  elapsedMs: number;
}

export function noReplicationStats(): ReplicationStats {
  return {
    steps: 0,
    timers: 0,
    messages: 0,
    written: 0,
    carried: 0,
    compared: 0,
    started: 0,
    ended: 0,
    conflicts: 0,
    syncs: 0,
    elapsedMs: 0,
  };
}
