import { isStoreError, type StoreError } from '@holdfast/store';

/** The error of a call that must fail. */
export async function failure(call: Promise<unknown>): Promise<StoreError> {
  const error = await call.then(
    (value) => new Error(`it succeeded with ${JSON.stringify(value)}`),
    (caught: unknown) => caught,
  );
  if (!isStoreError(error)) throw error;
  return error;
}
