import { isStoreError, type StoreErrorCode } from '@holdfast/store';
import type { Violation } from '@holdfast/testkit';

/** What a call fails with while the store can't be reached, or nobody there may answer for it. */
export const OUTAGE: readonly StoreErrorCode[] = ['unavailable', 'timeout'];

/** How an application's calls failed: an outage is a failure that says so, and nothing that a server or a proxy says is a caller's mistake. */
export class CallFailures {
  /** The first of each code; without one, what is no error of a store. */
  #first = new Map<StoreErrorCode | undefined, unknown>();

  add(error: unknown): void {
    const code = isStoreError(error) ? error.code : undefined;
    if (!this.#first.has(code)) this.#first.set(code, error);
  }

  /** The failures since it was asked last that were none of these. */
  take(guarantee: string, what: string, allowed: readonly StoreErrorCode[]): Violation[] {
    const found = [...this.#first].filter(([code]) => code === undefined || !allowed.includes(code));
    this.#first = new Map();
    return found.map(([, error]) => ({ guarantee, message: `a ${what} failed: ${describe(error)}` }));
  }
}

function describe(error: unknown): string {
  return isStoreError(error)
    ? `${error.code} (retryable: ${String(error.retryable)}): ${error.message}`
    : String(error);
}
