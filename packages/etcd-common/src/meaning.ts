import { CompactedError, StoreError, type Revision, type StoreErrorCode, type WriteOutcome } from '@holdfast/store';
import type { CallKind } from '@holdfast/store/adapter';

/** The meaning of a failure in the terms of the contract, whatever call it ended. */
export interface Meaning {
  readonly code: StoreErrorCode;
  readonly retryable: boolean;
  /** The outcome of a write, as `StoreError.outcome` says it. `'not-applied'` only if the server refuses before it changes anything. */
  readonly outcome: WriteOutcome;
  /** Whether the endpoint itself is in trouble. Then others are preferred for a while. */
  readonly unhealthy?: boolean;
  /** What to do next, if the server's own words don't say. */
  readonly advice?: string;
}

/** A refusal: the same call will be refused again. */
export function refused(code: StoreErrorCode, advice?: string): Meaning {
  return { code, retryable: false, outcome: 'not-applied', ...(advice === undefined ? {} : { advice }) };
}

/** A failure of one endpoint that passes, or that other endpoints don't have. */
export function passing(outcome: WriteOutcome): Meaning {
  return { code: 'unavailable', retryable: true, outcome, unhealthy: true };
}

/** What is known of a failure beside its meaning. */
export interface FailureDetails {
  readonly endpoint: string;
  /** What the server or the connection said. */
  readonly said: string;
  readonly cause?: unknown;
  /** What is left of a history that is gone, if the meaning is `compacted`. */
  readonly compacted?: { readonly compactRevision: Revision; readonly revision: Revision | undefined } | undefined;
}

/** The contract's error for a failed call: the endpoint, what was said, and what to do. Only a write has an outcome. */
export function errorOf(
  meaning: Meaning,
  kind: CallKind,
  { endpoint, said, compacted, ...rest }: FailureDetails,
): StoreError {
  const { code, retryable, outcome, advice } = meaning;
  const message = `${endpoint}: ${said}${advice === undefined ? '' : `; ${advice}`}`;
  const options = { ...rest, retryable, endpoint, ...(kind === 'write' ? { outcome } : {}) };
  if (code !== 'compacted' || compacted === undefined) return new StoreError(code, message, options);
  return new CompactedError(message, { ...options, ...compacted });
}
