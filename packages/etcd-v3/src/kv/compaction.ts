import { CompactedError, isStoreError, toRevision, type Clock, type Revision, type StoreError } from '@holdfast/store';
import { sleep, type KeyRange } from '@holdfast/store/adapter';
import type { IWatchResponse } from 'etcd3';
import { rangeBounds, safeInteger } from '../protobuf/range.js';
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
  const enough = new AbortController();
  const ends = signal === undefined ? enough.signal : AbortSignal.any([signal, enough.signal]);
  const compactRevision = ({ created, canceled, compact_revision: told }: IWatchResponse): number | undefined => {
    if (canceled) return safeInteger(told);
    return created ? undefined : 0; // An event: the revision is not compacted after all.
  };
  try {
    const asked = connection.exchange(WATCH_QUESTION, request, compactRevision, {
      kind: 'read',
      signal: ends,
      endpoint,
    });
    const late = sleep(clock, PATIENCE_MS, ends).then(() => undefined);
    late.catch(() => undefined);
    return (await Promise.race([asked, late]))?.response;
  } catch (error) {
    if (signal?.aborted === true || !isStoreError(error)) throw error;
    return undefined; // It remains true that the revision is compacted; only how far is not known.
  } finally {
    enough.abort();
  }
}
