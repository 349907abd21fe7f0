/** Whether awaiting the value would call its `then`. A `then` that cannot be read counts: awaiting such a value fails. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    return typeof (value as { readonly then?: unknown }).then === 'function';
  } catch {
    return true;
  }
}

/**
 * For what user code returned and nobody awaits: if it is a promise and rejects, `report` is called. Unhandled, the rejection
 * would end the process.
 */
export function handleRejection(returned: unknown, report: (error: unknown) => void = () => undefined): void {
  if (!isThenable(returned)) return;
  // `resolve` reads and calls `then`, and turns whatever that throws into a rejection.
  new Promise<unknown>((resolve) => {
    resolve(returned);
  }).catch(report);
}
