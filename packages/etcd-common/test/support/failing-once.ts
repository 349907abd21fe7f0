import type { StoreError } from '@holdfast/store';
import { onFailure } from '@holdfast/store/adapter';
import { eventually } from '@holdfast/testkit';
import { failure } from './failure.js';

/** A call that must fail, and is tried again until then. */
export interface FailingCall {
  /** Once its first attempt has failed. */
  readonly failedOnce: Promise<unknown>;
  /** The error that it ends with. */
  readonly error: Promise<StoreError>;
}

/**
 * Makes a call under a signal, and hears of its attempts.
 *
 * @param says what the failure of an attempt says that counts; default: any
 */
export function failingOnce(
  call: (signal: AbortSignal) => Promise<unknown>,
  { signal } = new AbortController(),
  says = '',
): FailingCall {
  let hasFailed = false;
  onFailure(signal, ({ message }) => {
    hasFailed ||= message.includes(says);
  });
  const error = failure(call(signal)).finally(() => {
    hasFailed = true;
  });
  return { error, failedOnce: eventually(() => hasFailed) };
}
