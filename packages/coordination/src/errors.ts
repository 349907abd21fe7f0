import { isStoreError, StoreError } from '@holdfast/store';
import { messageOf } from '@holdfast/store/adapter';

/** The session's lease can no longer be counted on, or a key that the session held is gone. */
export function sessionLost(what: string, cause?: unknown): StoreError {
  const why = cause === undefined ? '' : `: ${messageOf(cause)}`;
  return new StoreError('session-lost', `${what}${why}; stop the work that it protects, and open a new session`, {
    ...(cause !== undefined && { cause }),
    retryable: false,
  });
}

/** What a user closed or released is used again. */
export function closedError(message: string): StoreError {
  return new StoreError('closed', message, { retryable: false });
}

/** Work that goes on when nobody waits for it any more. Where it fails then, that must not end the process. */
export function handled<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}

/** Whether a write that failed may have been applied, or may be applied yet. */
export function isUnknown(error: unknown): boolean {
  return !isStoreError(error) || error.outcome !== 'not-applied';
}

/** Whether the same call may succeed later: passing trouble, and answers that make no sense. */
export function isPassing(error: unknown): boolean {
  return isStoreError(error) && error.retryable && !isStoreError(error, 'conflict');
}
