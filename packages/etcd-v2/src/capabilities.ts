import type { Capabilities } from '@holdfast/store';

/** What etcd v2's keys API can do. Its history is the last 1,000 events of the whole server, other prefixes' included. */
export const ETCD_V2_CAPABILITIES: Capabilities = {
  transactions: 'single-key',
  history: { events: 1_000 },
  compaction: false,
  leases: false,
  leaseListing: false,
  ttl: true,
  binaryValues: false,
  historicalReads: false,
  deltaReads: false,
  versions: false,
  progress: 'events-only',
  keySyntax: 'path',
  // A failed compare answers with the compared value or index, never with the entry.
  guardReturnsCurrent: false,
  rangeDeletes: 'directory',
  serializableReads: true,
  previousValues: true,
};
