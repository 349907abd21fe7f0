import type { Capabilities } from '@holdfast/store';
import type { RequestLimits } from './txn/request-limits.js';

/**
 * The capabilities of a store that can do all that etcd v3 can, and whose reads are never stale: with one copy of the data, or one that answers for
 * all. A limit on keys is to be added.
 */
export function v3Capabilities({ maxTxnOperations, maxRequestBytes }: RequestLimits): Capabilities {
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
    serializableReads: false,
    previousValues: true,
    maxTxnOperations,
    maxRequestBytes,
  };
}
