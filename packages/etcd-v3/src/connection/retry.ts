import type { CallKind, Meaning } from '../errors.js';

/** What to do about a failed attempt. */
export type Verdict =
  | 'fail'
  /** At the same endpoint, with a new token. */
  | 'renew-token'
  /** At once, at an endpoint that has not been tried. */
  | 'elsewhere'
  /** The same again, after a delay. */
  | 'renew-token-later'
  /** After a delay, anywhere. */
  | 'later';

export interface Attempts {
  /** How often the call was tried, this failure included. */
  readonly made: number;
  readonly most: number;
  /** Whether a token was renewed for it already; `undefined` where there is no user. */
  readonly renewed: boolean | undefined;
  /** Whether an endpoint is left that was not tried and has not failed lately. */
  readonly others: boolean;
}

/** Whether and how a failed call is tried again: the one place that decides it (C7, C13). */
export function judge(meaning: Meaning, kind: CallKind, attempts: Attempts): Verdict {
  // docs/traps.md#trap-9: what may have been applied is never sent again.
  if (kind === 'write' && meaning.outcome !== 'not-applied') return 'fail';
  if (meaning.renewToken === true && attempts.renewed === false) return 'renew-token';
  // However often it comes in a row: only the call's time-out bounds it.
  if (meaning.staleToken === true) return 'renew-token-later';
  if (attempts.made >= attempts.most) return 'fail';
  // A member that lags behind does not know a revision that others have.
  if (meaning.code === 'future-revision') return attempts.others ? 'elsewhere' : 'fail';
  if (!meaning.retryable) return 'fail';
  return attempts.others ? 'elsewhere' : 'later';
}
