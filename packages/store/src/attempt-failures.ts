import { StoreError } from './errors.js';

type FailureListener = (failure: StoreError) => void;

// By the signal of a call, which every layer of an adapter has at hand.
const listenerOf = new WeakMap<AbortSignal, FailureListener>();

/**
 * Tells whoever made a call that one of its attempts failed. An adapter that retries calls it with the call's signal after each failure:
 * a time-out then says why nothing was answered, and has that failure as its `cause`.
 */
export function noteFailure(signal: AbortSignal | undefined, failure: StoreError): void {
  if (signal !== undefined && !signal.aborted) listenerOf.get(signal)?.(failure);
}

/** Hears of the failed attempts of the call that runs under this signal. One listener a signal. */
export function onFailure(signal: AbortSignal, listener: FailureListener): void {
  listenerOf.set(signal, listener);
}

/** What is added to the message of a call that ended without an answer. */
export function lastWords(last: StoreError | undefined): string {
  return last === undefined ? '' : `; the last attempt failed: ${last.message}`;
}

/** A `timeout` that says why the last attempt failed, and has that failure as its `cause`. */
export function timeoutAfter(last: StoreError | undefined, message: string): StoreError {
  return new StoreError('timeout', message + lastWords(last), {
    endpoint: last?.endpoint,
    ...(last !== undefined && { cause: last }),
  });
}
