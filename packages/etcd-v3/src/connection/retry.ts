import type { CallKind } from '@holdfast/store/adapter';
import type { GrpcMeaning } from '../errors.js';

/** The next step after a failed attempt. */
export type Verdict =
  | 'fail'
  /** Retry at the same endpoint, with a new token. */
  | 'renew-token'
  /** Retry at once, at an endpoint that has not been tried. */
  | 'elsewhere'
  /** Retry at the same endpoint with a new token, after a delay. */
  | 'renew-token-later'
  /** Retry after a delay, at any endpoint. */
  | 'later';

export interface Attempts {
  /** The number of attempts so far, including this failure. */
  readonly made: number;
  readonly most: number;
  /** Whether a token was already renewed for this call; `undefined` if there is no user. */
  readonly renewed: boolean | undefined;
  /** Whether there is an endpoint that was not tried yet and has not failed recently. */
  readonly others: boolean;
}

/** Decides whether and how a failed call is retried. This is the only place that decides it (C7, C13). */
export function judge(meaning: GrpcMeaning, kind: CallKind, attempts: Attempts): Verdict {
  // A write that may have been applied is never sent again (docs/traps.md#trap-9).
  if (kind === 'write' && meaning.outcome !== 'not-applied') return 'fail';
  if (meaning.renewToken === true && attempts.renewed === false) return 'renew-token';
  // No limit on repetitions: only the call's time-out bounds them.
  if (meaning.staleToken === true) return 'renew-token-later';
  if (attempts.made >= attempts.most) return 'fail';
  // A member that lags behind does not know a revision that others know.
  if (meaning.code === 'future-revision') return attempts.others ? 'elsewhere' : 'fail';
  if (!meaning.retryable) return 'fail';
  return attempts.others ? 'elsewhere' : 'later';
}
