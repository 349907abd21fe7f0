import type { RequestLimits } from '@holdfast/adapter-kit';
import type { Capabilities } from '@holdfast/store';

/**
 * LMDB's own limit is 1,978 bytes. Some tables hold a key with up to ten bytes beside it, and later formats may need a few more.
 */
export const MAX_KEY_BYTES = 1_900;

/** The store's capabilities: everything that etcd v3 can do. */
export function lmdbCapabilities({ maxTxnOperations, maxRequestBytes }: RequestLimits): Capabilities {
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
    // Every read sees all that was committed, by any process: none is ever stale.
    serializableReads: false,
    previousValues: true,
    maxKeyBytes: MAX_KEY_BYTES,
    maxTxnOperations,
    maxRequestBytes,
  };
}
