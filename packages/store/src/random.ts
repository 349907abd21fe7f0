import { StoreError } from './errors.js';

/**
 * The `random` that a user gave, so that it can't disturb whoever draws. Where it throws, or gives something else than a number in
 * [0, 1), `Math.random` is used: a delay that is no number would be no delay, and a throw in a timer would end the process.
 *
 * @throws StoreError `invalid-argument` for what is no function
 */
export function safeRandom(given: (() => number) | undefined): () => number {
  if (given === undefined || given === Math.random) return Math.random;
  if (typeof given !== 'function') throw new StoreError('invalid-argument', 'random must be a function');
  return () => {
    try {
      const drawn: unknown = given();
      if (typeof drawn === 'number' && drawn >= 0 && drawn < 1) return drawn;
    } catch {
      // As if it had given something else than a number.
    }
    return Math.random();
  };
}
