import { isStoreError, type StoreErrorCode } from '@holdfast/store';

/** What a process that ran `holdfast` says by its exit code. */
export const EXIT = {
  done: 0,
  /** The answer is "no": no such key, a difference, something found. */
  answer: 1,
  usage: 2,
  unavailable: 3,
  refused: 4,
  /** A guard did not hold. */
  conflict: 5,
  /** The write may have been applied. */
  unknown: 6,
  bug: 70,
  SIGINT: 130,
  SIGTERM: 143,
} as const;

const BY_CODE: Readonly<Record<StoreErrorCode, number>> = {
  'invalid-argument': EXIT.usage,
  unsupported: EXIT.usage,
  unavailable: EXIT.unavailable,
  timeout: EXIT.unavailable,
  conflict: EXIT.conflict,
  internal: EXIT.bug,
  aborted: EXIT.refused,
  closed: EXIT.refused,
  unauthenticated: EXIT.refused,
  'permission-denied': EXIT.refused,
  compacted: EXIT.refused,
  'future-revision': EXIT.refused,
  'history-changed': EXIT.refused,
  'lease-not-found': EXIT.refused,
  'session-lost': EXIT.refused,
  'too-large': EXIT.refused,
  'not-found': EXIT.refused,
};

/** The exit code of a command that failed. An unknown outcome counts most: the caller must look before it writes again. */
export function exitCodeOf(error: unknown): number {
  if (!isStoreError(error)) return EXIT.bug;
  if ('exitCode' in error && typeof error.exitCode === 'number') return error.exitCode;
  if (error.outcome === 'unknown') return EXIT.unknown;
  // A server's answer that contradicts itself is the server's fault. It is marked as worth another try.
  return error.code === 'internal' && error.retryable ? EXIT.refused : BY_CODE[error.code];
}
