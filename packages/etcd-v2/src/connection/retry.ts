import type { CallKind } from '@holdfast/store/adapter';
import type { HttpMeaning } from '../errors.js';

/** The next step after a failed attempt. */
export type Verdict =
  | 'fail'
  /** Retry at the same endpoint, with other credentials if there are any. */
  | 'renew-credentials'
  /** Retry at once, at an endpoint that has not been tried. */
  | 'elsewhere'
  /** Retry after a delay, at any endpoint. */
  | 'later';

export interface Attempts {
  /** How often the call has reached a server, including this failure. */
  readonly made: number;
  readonly most: number;
  /** Whether this attempt reached a server. */
  readonly reached: boolean;
  /** Whether there is still time to reach one (`timeouts.connectMs`). */
  readonly inTime: boolean;
  readonly renewed: boolean;
  /** Whether there is an endpoint that was not tried yet. */
  readonly others: boolean;
  /** Whether waiting may bring back an endpoint that was tried before this one. */
  readonly otherMayHeal: boolean;
}

/** Decides whether and how a failed call is retried. This is the only place that decides it (C7). */
export function judge(meaning: HttpMeaning, kind: CallKind, attempts: Attempts): Verdict {
  // A write that may have been applied is never sent again (docs/traps.md#trap-9).
  if (kind === 'write' && meaning.outcome !== 'not-applied') return 'fail';
  if (meaning.renewCredentials === true && !attempts.renewed) return 'renew-credentials';
  // Another endpoint may work where this one can't be used: it has a wrong certificate, or no v2 API.
  if (attempts.others && (meaning.retryable || meaning.unhealthy === true)) return 'elsewhere';
  const mayHeal = meaning.retryable || (meaning.unhealthy === true && attempts.otherMayHeal);
  if (!mayHeal) return 'fail';
  if (!attempts.reached) return attempts.inTime ? 'later' : 'fail';
  return attempts.made < attempts.most ? 'later' : 'fail';
}
