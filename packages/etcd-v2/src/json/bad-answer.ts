import { excerpt } from '@holdfast/etcd-common';
import { messageOf } from '@holdfast/store/adapter';

const LONGEST = 400;

/**
 * A success that can't be used. `unavailable`: it is no answer of etcd's, but of a proxy or of something else.
 * `internal`: it is one, and contradicts the request or itself. Both may be gone at the next attempt.
 */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer';
  readonly code: 'unavailable' | 'internal';

  /** @param message goes on after "http://host:2379: HTTP 200 " */
  constructor(code: 'unavailable' | 'internal', message: string) {
    // It repeats what a server said.
    super(excerpt(message, LONGEST));
    this.code = code;
  }
}

/** What was thrown over an answer, whatever it is: the answer can't be used. */
export function asBadAnswer(thrown: unknown): BadAnswer {
  return thrown instanceof BadAnswer ? thrown : new BadAnswer('internal', `can't be used: ${messageOf(thrown)}`);
}

/** How long a part of an answer may be in a message. */
const PART = 80;

/** A part of an answer, for a message. Never throws: `JSON.stringify` does, for what is nested too deeply. */
export function shown(part: unknown): string {
  if (typeof part === 'string') return JSON.stringify(excerpt(part, PART));
  if (typeof part === 'object' && part !== null) return Array.isArray(part) ? 'an array' : 'an object';
  return part === undefined ? 'missing' : String(part);
}

/** For what does not have the form of an answer: somebody else than etcd has given it. */
export function notEtcds(why: string): BadAnswer {
  return new BadAnswer('unavailable', `is no answer of etcd's: ${why}`);
}

/** For an answer that is not about what was asked, or has numbers that etcd can't have. */
export function contradiction(why: string): BadAnswer {
  return new BadAnswer('internal', `contradicts the request or itself: ${why}`);
}
