import type { CallKind, Meaning } from '../errors.js';

/** What to do about a failed attempt. */
export type Verdict =
  | 'fail'
  /** At the same endpoint, with other credentials if there are any. */
  | 'renew-credentials'
  /** At once, at an endpoint that has not been tried. */
  | 'elsewhere'
  /** After a delay, anywhere. */
  | 'later';

export interface Attempts {
  /** How often the call reached a server, this failure included. */
  readonly made: number;
  readonly most: number;
  /** Whether the server was reached at all by this attempt. */
  readonly reached: boolean;
  /** Whether there is still time to reach one (`timeouts.connectMs`). */
  readonly inTime: boolean;
  readonly renewed: boolean;
  /** Whether an endpoint is left that was not tried. */
  readonly others: boolean;
}

/** Whether and how a failed call is tried again: the one place that decides it (C7). */
export function judge(meaning: Meaning, kind: CallKind, attempts: Attempts): Verdict {
  // docs/traps.md#trap-9: what may have been applied is never sent again.
  if (kind === 'write' && meaning.outcome !== 'not-applied') return 'fail';
  if (meaning.renewCredentials === true && !attempts.renewed) return 'renew-credentials';
  // An endpoint that can't be used may be alone with that: a wrong certificate, a server without the v2 API.
  if (attempts.others && (meaning.retryable || meaning.unhealthy === true)) return 'elsewhere';
  if (!meaning.retryable) return 'fail';
  if (!attempts.reached) return attempts.inTime ? 'later' : 'fail';
  return attempts.made < attempts.most ? 'later' : 'fail';
}
