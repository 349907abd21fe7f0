import { messageOf } from '@holdfast/store/adapter';

/** What was thrown, as an `Error` also where it is something else. */
export function asError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error) return thrown;
  } catch {
    // Even that question can be answered by throwing: by a revoked proxy, say.
  }
  return new Error(messageOf(thrown), { cause: thrown });
}
