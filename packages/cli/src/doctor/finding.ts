import { isStoreError } from '@holdfast/store';
import { messageOf } from '@holdfast/store/adapter';
import { nextStep } from '../exit/explain.js';

/** What one check has found. */
export interface Finding {
  /** What was looked at, such as `TLS`. */
  readonly check: string;
  /** `'note'`: worth knowing, and nothing to change. `'problem'`: to be changed; it decides the exit code. */
  readonly level: 'ok' | 'note' | 'problem';
  readonly text: string;
  /** What to change. */
  readonly next?: string;
}

export function ok(check: string, text: string): Finding {
  return { check, level: 'ok', text };
}

export function note(check: string, text: string, next?: string): Finding {
  return { check, level: 'note', text, ...(next !== undefined && { next }) };
}

export function problem(check: string, text: string, next: string): Finding {
  return { check, level: 'problem', text, next };
}

/** A check that failed, with what to do about it. */
export function failed(check: string, error: unknown, about?: string): Finding {
  const message = isStoreError(error) ? error.message : messageOf(error);
  const next = isStoreError(error) ? nextStep(error) : 'Look at the message, and run the check again.';
  return problem(check, about === undefined ? message : `${about}: ${message}`, next);
}
