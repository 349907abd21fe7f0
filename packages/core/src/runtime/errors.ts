import { isStoreError, messageOf, StoreError } from '@holdfast/store';

/** What a store rejected with, as a StoreError also where it breaks its contract and throws something else. */
export function toStoreError(error: unknown): StoreError {
  if (isStoreError(error)) return error;
  return new StoreError('internal', `unexpected: ${messageOf(error)}`, {
    cause: error,
  });
}

/** No later attempt can succeed: the call itself is wrong, or the store is closed. */
export function cannotHeal({ code }: StoreError): boolean {
  return code === 'invalid-argument' || code === 'unsupported' || code === 'closed';
}

/** What the mirror has may not be continued from: the store's history has moved on past it, or is another one. */
export function isHistoryLost({ code }: StoreError): boolean {
  return code === 'compacted' || code === 'history-changed' || code === 'future-revision';
}
