import { excerpt } from '@holdfast/etcd-common';

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

/** For what does not have the form of an answer: somebody else than etcd has given it. */
export function notEtcds(why: string): BadAnswer {
  return new BadAnswer('unavailable', `is no answer of etcd's: ${why}`);
}

/** For an answer that is not about what was asked, or has numbers that etcd can't have. */
export function contradiction(why: string): BadAnswer {
  return new BadAnswer('internal', `contradicts the request or itself: ${why}`);
}
