import { isRefusedLocally, isStoreError, messageOf, StoreError } from '@holdfast/store';

/** What a store rejected with, as a StoreError also where it breaks its contract and throws something else. */
export function toStoreError(error: unknown): StoreError {
  if (isStoreError(error)) return error;
  return new StoreError('internal', `unexpected: ${messageOf(error)}`, {
    cause: error,
  });
}

/**
 * Refused in this process, before anything was sent: no later attempt to load can succeed. Codes alone don't tell: a proxy that
 * answers by itself has an adapter say `unsupported` or `not-found` too, and is gone a moment later.
 */
export function cannotHeal(error: StoreError): boolean {
  return isRefusedLocally(error);
}

/** The store was closed, in this process: a driver that says so of an open store is tried again. */
export function isStoreClosed(error: StoreError): boolean {
  return isRefusedLocally(error) && error.code === 'closed';
}

/** What the mirror has may not be continued from: the store's history has moved on past it, or is another one. */
export function isHistoryLost({ code }: StoreError): boolean {
  return code === 'compacted' || code === 'history-changed' || code === 'future-revision';
}
