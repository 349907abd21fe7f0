import { CompactedError, isStoreError, StoreError, toRevision, type Clock, type Revision } from '@holdfast/store';
import { withDeadline, type KeyRange } from '@holdfast/store/adapter';
import type { IWatchResponse } from 'etcd3';
import { safeInteger } from '../protobuf/bad-answer.js';
import { rangeBounds } from '../protobuf/range.js';
import type { Connection } from '../connection/connection.js';
import { WATCH_QUESTION } from '../connection/rpc.js';

/** A refused read or compaction. */
export interface CompactedAt {
  /** A range that the caller may read. */
  readonly range: KeyRange;
  /** A revision that was refused as compacted. */
  readonly revision: Revision;
  /** The lowest compacted revision that is possible after the refusal. */
  readonly atLeast: number;
  readonly signal: AbortSignal | undefined;
}

/** A watch reports its own compaction 8 to 100 ms after its creation (docs/etcd.md#watch-compaction). */
const PATIENCE_MS = 2_000;

/**
 * Completes etcd's "required revision has been compacted", which does not say how far: a watch from that revision is refused with the
 * number. If that fails, `compactRevision` is the lowest possible one.
 */
export async function toCompactedError(
  connection: Connection,
  clock: Clock,
  error: StoreError,
  { range, revision, atLeast, signal }: CompactedAt,
): Promise<CompactedError> {
  const { cause, outcome, endpoint, message } = error;
  const told = await askWatch(connection, clock, range, revision, endpoint, signal);
  const compactRevision = toRevision(Math.max(told ?? 0, atLeast));
  return new CompactedError(`${message}; ${compactRevision} is the oldest that can be read`, {
    cause,
    outcome,
    endpoint,
    compactRevision,
  });
}

async function askWatch(
  connection: Connection,
  clock: Clock,
  range: KeyRange,
  revision: Revision,
  endpoint: string | undefined,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const request = { create_request: { ...rangeBounds(range), start_revision: revision } };
  const compactRevision = ({ created, canceled, compact_revision: told }: IWatchResponse): number | undefined => {
    if (canceled) return safeInteger(told);
    return created ? undefined : 0; // An event: the revision is not compacted after all.
  };
  // Not `timeout`: that would count against the member, which may only be slow to say how far it is compacted.
  const late = (): StoreError => new StoreError('aborted', `no answer within ${PATIENCE_MS} ms`);
  try {
    const { response } = await withDeadline({ clock, ms: PATIENCE_MS, signal, late }, (deadline) =>
      connection.exchange(WATCH_QUESTION, request, compactRevision, {
        kind: 'read',
        signal: deadline.signal,
        endpoint,
      }),
    );
    return response;
  } catch (error) {
    if (signal?.aborted === true || !isStoreError(error)) throw error;
    return undefined; // It remains true that the revision is compacted; only how far is not known.
  }
}
