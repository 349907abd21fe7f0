/** Seeds whose worlds have shown a fault of replication, or of these worlds, with what it was. */
export const replicationRegressions: readonly { readonly seed: number; readonly what: string }[] = [
  {
    seed: 29,
    what: 'on etcd v2, a record said that a step was complete before it was: a kill looked like another history',
  },
  { seed: 3, what: 'who took over while its own view was behind put the target back to that, until it had caught up' },
  { seed: 11, what: 'a sync() that found the record taken failed, and its replication went on' },
  { seed: 136, what: 'what another replicator wrote during a comparison was told as a conflict' },
  { seed: 387, what: 'what another replicator wrote during a comparison looked like another history' },
  { seed: 493, what: 'a leased key that was written anew already was written again for the lease that it had before' },
  { seed: 221, what: 'a leased key was written again with a newer value, ahead of what was written beside it' },
  { seed: 616, what: 'on etcd v2, what another replicator wrote beside a step was told as a conflict' },
  { seed: 1529, what: 'on etcd v2, the deletion of a mark landed late, and took a newer mark' },
  { seed: 1663, what: 'the record was deleted, and the next one to start compared with a view that was behind' },
  {
    seed: 9182,
    what: 'a lease ran out, and was granted anew by one that had lost the record: its keys stayed lost while it looked alive',
  },
  { seed: 476, what: 'a lease was revoked, and granted anew by one that had lost the record' },
  { seed: 3683, what: 'a write found its lease gone, and the other keys of that lease stayed lost' },
  { seed: 1784, what: 'a key whose lease had just ended in the source was written without a lease' },
  {
    seed: 11445,
    what: 'a source that was wiped while a replicator started ended it with an error of a future revision',
  },
  {
    seed: 9009,
    what: 'on etcd v2, a sync() beside a step brought back the record of before, and the next step was written without one',
  },
  {
    seed: 12883,
    what: 'on etcd v2, one that was cut off wrote a key again that the one who took over had deleted',
  },
  { seed: 11395, what: 'these worlds gave a process that slept the messages of a stalled stream in another order' },
  { seed: 5135, what: 'these worlds asked who has the record now, where somebody had deleted it since' },
  {
    seed: 8279,
    what: 'these worlds took a second try for a step without its record, where somebody else had deleted what came in',
  },
];
