import { StoreError } from '@holdfast/store';
import { quoted } from '@holdfast/store/adapter';
import type { ReplicationRecord } from './record.js';

/** Another replicator has gone on with the record. */
export function takenOver(key: string, { name, since }: ReplicationRecord): StoreError {
  return new StoreError(
    'conflict',
    `another replicator of ${quoted(name)}, begun at ${new Date(since).toISOString()}, has taken the record ${quoted(key)}; ` +
      `this one stopped, and changes nothing any more; run only one of them`,
    { outcome: 'not-applied' },
  );
}

/** Nobody has the record any more. */
export function recordGone(key: string): StoreError {
  return new StoreError(
    'conflict',
    `the record ${quoted(key)} is gone: it was deleted, or the target was restored or wiped; ` +
      `this replicator stopped; start it again to compare everything`,
    { outcome: 'not-applied' },
  );
}
