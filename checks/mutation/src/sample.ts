import type { Mutant } from './mutant.js';

/** A run of all tests tries one in so many of the mutants that nobody has touched. */
const ONE_IN = 4;

/** What a {@link sampleOf} is chosen by. */
export interface SampleOptions {
  /** The files that changed lately, from the root of the repository. */
  readonly changed: readonly string[];
  /** Which part of the others is tried: any whole number from 0. So many turns in a row as there are parts try all of them. */
  readonly turn: number;
}

/**
 * The mutants that a run of all tests tries: those whose source, or the test that is to find them, has changed, and a part of the others.
 * `npm run mutants` tries all.
 */
export function sampleOf(mutants: readonly Mutant[], { changed, turn }: SampleOptions): readonly Mutant[] {
  const touched = new Set(changed);
  const isTouched = ({ file, caughtBy }: Mutant) => touched.has(file) || touched.has(caughtBy.test);
  return mutants.filter((mutant, index) => isTouched(mutant) || index % ONE_IN === turn % ONE_IN);
}
