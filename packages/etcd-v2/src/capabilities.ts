import type { Capabilities } from '@holdfast/store';

/** The capabilities of etcd v2's keys API. Its history is the last 1,000 events of the whole server. */
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
  // A failed compare returns the compared value or index, never the entry.
  guardReturnsCurrent: false,
  rangeDeletes: 'directory',
  serializableReads: true,
  previousValues: true,
};
