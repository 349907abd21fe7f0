/** Seeds whose worlds have shown a fault of replication, or of these worlds, with what it was. */
export const replicationRegressions: readonly { readonly seed: number; readonly what: string }[] = [
  {
    seed: 29,
    what: 'on etcd v2, a record said that a step was complete before it was: a kill looked like another history',
  },
  { seed: 37, what: 'who took over while its own view was behind put the target back to that, until it had caught up' },
  { seed: 11, what: 'a sync() that found the record taken failed, and its replication went on' },
  { seed: 136, what: 'what another replicator wrote during a comparison was told as a conflict' },
  { seed: 387, what: 'what another replicator wrote during a comparison looked like another history' },
  { seed: 253, what: 'a clock that somebody set forward ended a start as too late' },
  { seed: 493, what: 'a leased key that was written anew already was written again for the lease that it had before' },
  { seed: 616, what: 'on etcd v2, what another replicator wrote beside a step was told as a conflict' },
  { seed: 1529, what: 'on etcd v2, the deletion of a mark landed late, and took a newer mark' },
  { seed: 1663, what: 'the record was deleted, and the next one to start compared with a view that was behind' },
];
