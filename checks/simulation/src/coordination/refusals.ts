import { isStoreError, type StoreErrorCode } from '@holdfast/store';

/** What may happen to calls while somebody takes away rights, or a proxy answers instead of the store. */
const REFUSALS: readonly StoreErrorCode[] = [
  'permission-denied',
  'unauthenticated',
  'unsupported',
  'not-found',
  'invalid-argument',
  'internal',
];
const OUTAGES: readonly StoreErrorCode[] = ['unavailable', 'timeout', 'internal'];

export function isRefusal(error: unknown): boolean {
  return isStoreError(error) && REFUSALS.includes(error.code);
}

export function isOutage(error: unknown): boolean {
  return isStoreError(error) && OUTAGES.includes(error.code);
}
