import type { RequestLimits } from '@holdfast/adapter-kit';
import type { Capabilities } from '@holdfast/store';

/** The store's capabilities: everything that etcd v3 can do. */
export function memoryCapabilities({ maxTxnOperations, maxRequestBytes }: RequestLimits): Capabilities {
  return {
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
    // There is one copy of the data: no read is ever stale.
    serializableReads: false,
    previousValues: true,
    maxTxnOperations,
    maxRequestBytes,
  };
}
