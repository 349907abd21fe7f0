import { CompactedError, isStoreError, StoreError, toRevision, type Bookmark } from '@holdfast/store';
import { messageOf, type KeyRange } from '@holdfast/store/adapter';

/** Whether the error ends a watch: retrying, here or at another member, would not help (C12). */
export function endsWatch(error: StoreError): boolean {
  switch (error.code) {
    case 'unavailable':
    case 'timeout':
    case 'internal':
    // A message above `maxResponseBytes`. The next stream may bring the same revisions in smaller messages.
    case 'too-large':
      return false;
    default:
      // `retryable`: such as a function given as option auth that could give no user just now.
      return !error.retryable;
  }
}

export function compactedError(
  range: KeyRange,
  after: Bookmark,
  compactRevision: number,
  endpoint: string | undefined,
): CompactedError {
  return new CompactedError(
    `${range.toString()} was followed up to revision ${after.revision}, but history up to ${compactRevision} is compacted; read it again`,
    { compactRevision: toRevision(compactRevision), endpoint },
  );
}

export function historyChanged(range: KeyRange, proof: string, endpoint: string): StoreError {
  const message = `the store's history is not the one that ${range.toString()} was followed in: ${proof}; read it again`;
  return new StoreError('history-changed', message, { endpoint });
}

/** Makes a `StoreError` of anything thrown. */
export function asStoreError(error: unknown, what: string): StoreError {
  if (isStoreError(error)) return error;
  return new StoreError('internal', `${what}: ${messageOf(error)}`, { cause: error });
}
