import { isStoreError, type StoreError } from '@holdfast/store';

/** The StoreError that a call ends with; anything else fails the test. */
export async function thrown(run: () => unknown): Promise<StoreError> {
  try {
    await run();
  } catch (error) {
    if (isStoreError(error)) return error;
    throw error;
  }
  throw new Error('expected a StoreError, but the call succeeded');
}
