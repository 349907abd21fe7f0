/** Counts from a world of coordinators, or from many. */
export interface CoordinationStats {
  steps: number;
  timers: number;
  messages: number;
  commits: number;
  sessions: number;
  sessionsLost: number;
  /** Locks and offices that were acquired, each compared with the queue at the server. */
  acquisitions: number;
  /** Calls for one that ended without it. */
  notServed: number;
  /** Writes to what a lock protects, each compared with the queue at the server. */
  writes: number;
  /** Comparisons, at any moment, of what a holder is told with the queue at the server. */
  looks: number;
  /** Leaders that observers were told. */
  observed: number;
  /** Transactions by function that were confirmed. */
  transfers: number;
  /** Virtual milliseconds. */
  elapsedMs: number;
}

export function noCoordinationStats(): CoordinationStats {
  return {
    steps: 0,
    timers: 0,
    messages: 0,
    commits: 0,
    sessions: 0,
    sessionsLost: 0,
    acquisitions: 0,
    notServed: 0,
    writes: 0,
    looks: 0,
    observed: 0,
    transfers: 0,
    elapsedMs: 0,
  };
}
