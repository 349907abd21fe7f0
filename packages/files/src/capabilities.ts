import type { Capabilities } from '@holdfast/store';
import type { Settings } from './options.js';

/** Whatever characters it has, a key of this length has a path that every file system takes. */
export const MAX_KEY_BYTES = 1_024;

/** The most bytes of keys and values in one call: a key and a value of the greatest length. */
export function maxRequestBytes({ maxFileBytes }: Pick<Settings, 'maxFileBytes'>): number {
  return maxFileBytes + MAX_KEY_BYTES;
}

export function filesCapabilities({ writable, maxFileBytes, historyEvents }: Settings): Capabilities {
  return {
    writes: writable,
    // Several files are never renamed at once.
    transactions: 'single-key',
    history: { events: historyEvents },
    compaction: false,
    leases: false,
    leaseListing: false,
    ttl: false,
    binaryValues: true,
    historicalReads: false,
    deltaReads: true,
    versions: false,
    progress: 'exact',
    keySyntax: 'any',
    guardReturnsCurrent: true,
    rangeDeletes: 'any',
    rangeDeleteEvents: 'delete',
    // They are answered by what was read last, without a look at the files.
    serializableReads: true,
    previousValues: true,
    maxKeyBytes: MAX_KEY_BYTES,
    maxValueBytes: maxFileBytes,
    maxRequestBytes: maxRequestBytes({ maxFileBytes }),
  };
}
