import { checkIterable } from '../check.js';

/** A promise that a recorded history shows to be broken. */
export interface Violation {
  /** Which checker found it. */
  readonly guarantee: string;
  /** What happened, in words, with the client, keys and revisions. */
  readonly message: string;
}

/** All violations as one text, for the message of a failing test. Empty if there are none. */
export function describeViolations(violations: readonly Violation[]): string {
  checkIterable(violations, 'describeViolations(violations)');
  return violations.map(({ guarantee, message }) => `${guarantee}: ${message}`).join('\n');
}
