import type { StoreError } from '@holdfast/store';
import { isRefusedLocally } from '@holdfast/store/adapter';

/**
 * Whether this process itself refused the call before sending anything: then no later attempt to load can succeed. Codes alone don't
 * show that: if a proxy answers instead of the store, an adapter may report `unsupported` or `not-found` too, and that passes.
 */
export function cannotHeal(error: StoreError): boolean {
  return isRefusedLocally(error);
}

/** Whether the store was closed in this process. If a driver reports `closed` for an open store, the mirror retries. */
export function isStoreClosed(error: StoreError): boolean {
  return isRefusedLocally(error) && error.code === 'closed';
}
