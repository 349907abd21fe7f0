import type { RequestLimits } from '@holdfast/adapter-kit';
import type { Capabilities } from '@holdfast/store';

/** An entry of a B-tree index takes 2,704 bytes, and the key shares it with a revision. */
export const MAX_KEY_BYTES = 2_048;

/** Everything that etcd v3 can do. */
export function postgresCapabilities({ maxTxnOperations, maxRequestBytes }: RequestLimits): Capabilities {
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
    // Every read asks the primary. A standby is never read.
    serializableReads: false,
    previousValues: true,
    maxKeyBytes: MAX_KEY_BYTES,
    maxTxnOperations,
    maxRequestBytes,
  };
}
