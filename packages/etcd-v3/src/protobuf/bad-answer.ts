import { StoreError, type Revision } from '@holdfast/store';

/**
 * The error for an answer that no etcd gives: it can't be read, contradicts itself, or is not one to the request. It says
 * nothing of the call, so that another member, or the next attempt, may do better.
 */
export function badAnswer(what: string): StoreError {
  return new StoreError('internal', `${what}; is this endpoint really an etcd v3 server?`, { retryable: true });
}

/**
 * A revision that a server told.
 *
 * @throws StoreError `internal` where it is none: `invalid-argument` is for what callers pass.
 */
export function serverRevision(value: number, what: string): Revision {
  if (Number.isSafeInteger(value) && value > 0) return value as Revision;
  throw badAnswer(`etcd sent ${String(value)} as ${what}`);
}
