import { StoreError, type Revision } from '@holdfast/store';

/**
 * The error for an answer that no etcd gives: it can't be read, contradicts itself, or does not fit the request. The call itself may be
 * right, so another member or attempt may do better.
 */
export function badAnswer(what: string): StoreError {
  return new StoreError('internal', `${what}; is this endpoint really an etcd v3 server?`, { retryable: true });
}

/**
 * Checks a revision from a server.
 *
 * @throws StoreError `internal` if it is invalid; `invalid-argument` is for the callers' arguments.
 */
export function serverRevision(value: number, what: string): Revision {
  if (Number.isSafeInteger(value) && value > 0) return value as Revision;
  throw badAnswer(`etcd sent ${String(value)} as ${what}`);
}

/** A decimal string as a number, exactly (C3). @throws StoreError `internal` where it can't be */
export function safeInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw badAnswer(`etcd sent the integer ${text}, past 2^53-1: it can't be used exactly`);
}
