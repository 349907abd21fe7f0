import type { Capabilities } from '@holdfast/store';

/**
 * What etcd v3 can do. How many operations a transaction may have, and how large a request may be, are settings of the
 * server (128 and 1.5 MiB unless changed) that it does not tell: see the option `limits`. Its refusals are `too-large`.
 */
export const ETCD_V3_CAPABILITIES: Capabilities = {
  transactions: 'multi-key',
  history: 'until-compacted',
  compaction: true,
  leases: true,
  leaseListing: true,
  ttl: true,
  binaryValues: true,
  historicalReads: true,
  deltaReads: true,
  versions: true,
  progress: 'exact',
  keySyntax: 'any',
  guardReturnsCurrent: true,
  rangeDeletes: 'any',
  serializableReads: true,
  previousValues: true,
};
