import { quoted } from './excerpt.js';

/**
 * The text of a value that was thrown, for messages. Never throws: a value need not be an error, and what it is asked for may
 * itself throw (an object without a prototype, a `message` or `toString` of its own, a revoked proxy).
 */
export function messageOf(thrown: unknown): string {
  try {
    const { message } = thrown as { readonly message?: unknown };
    if (typeof message === 'string' && message !== '') return message;
  } catch {
    // Then it has no message that anyone could read.
  }
  return textOf(thrown);
}

/** `String(value)` that never throws: for messages about values of which nothing is known. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return 'a value that cannot be shown as text';
  }
}

/** A caller's value, for messages about bad arguments: strings in quotes, so that an empty one shows. Never throws. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? quoted(value) : textOf(value);
}
