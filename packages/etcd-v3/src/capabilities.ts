import type { Capabilities } from '@holdfast/store';

/**
 * The capabilities of etcd v3. The server does not reveal its limits for the operations of a transaction and the size of a request (by
 * default 128 and 1.5 MiB): see the option `limits`. Its refusals are `too-large`.
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
