import { isStoreError, type StoreErrorCode } from '@holdfast/store';
import { errorToJson, messageOf } from '@holdfast/store/adapter';

const NEXT: Readonly<Record<StoreErrorCode, string>> = {
  unavailable: 'Check that the store is running, and that --store or HOLDFAST_STORE names it.',
  timeout: 'Try again, or allow more time with --timeout SECONDS.',
  aborted: 'Run the command again.',
  closed: 'Run the command again.',
  unauthenticated: 'Name the user with --user, and the password with --password-file or HOLDFAST_PASSWORD.',
  'permission-denied': "Name another user with --user, or ask for the permission where the store's users are managed.",
  compacted: 'Name a later revision, or leave the revision out to read the present state.',
  'future-revision': 'Name a revision that the store has reached already.',
  'history-changed': 'The store was restored, or is another one: read its present state again.',
  'lease-not-found': 'The lease has ended: grant a new one.',
  'session-lost': 'The session has ended, and its locks may be held by others: begin again.',
  'invalid-argument': 'Run the command with --help to see what it takes.',
  'too-large': 'Read or write less at a time.',
  unsupported: 'Use a store that can do that: docs/backends.md compares them.',
  'not-found': 'Look for the key with "holdfast list".',
  conflict: 'Look at the present state, and try again.',
  internal: 'Please report this, with the whole message.',
};

/** What to do about a failure. */
export function nextStep(error: unknown): string {
  if (!isStoreError(error)) return NEXT.internal;
  if ('next' in error && typeof error.next === 'string') return error.next;
  return error.outcome === 'unknown'
    ? 'The write may have been applied: read the key before you write again.'
    : NEXT[error.code];
}

/** A failure as a sentence. A bug also gets its stack, for the report. */
export function sentence(error: unknown): string {
  const message = isStoreError(error) ? messageOf(error) : stackOf(error);
  return /[.!?…]$/.test(message) ? message : `${message}.`;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}

/** A failure as the contract's error on one line, with the next step. */
export function failureJson(error: unknown): string {
  const known = isStoreError(error)
    ? error.toJSON()
    : { name: 'StoreError', code: 'internal', message: messageOf(error), retryable: false, cause: errorToJson(error) };
  return JSON.stringify({ ...known, next: nextStep(error) });
}
