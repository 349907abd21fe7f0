import { isStoreError } from '@holdfast/store';

/** The code that a promise rejects with; `'resolved'` if it does not; what it rejected with, if that is no `StoreError`. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    return isStoreError(error) ? error.code : error;
  }
}

/** The same of a function that throws. */
export function thrownBy(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return isStoreError(error) ? error.code : error;
  }
}
