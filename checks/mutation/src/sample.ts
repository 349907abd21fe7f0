import type { Mutant } from './mutant.js';

/** Seconds that one part of the mutants takes, and that those that were touched may take besides. */
const BUDGET_S = 40;

/** Seconds for a mutant that no whole run has tried yet. */
const UNKNOWN_S = 5;

/** What a {@link sampleOf} is chosen by. */
export interface SampleOptions {
  /** The files that changed lately, from the root of the repository. */
  readonly changed: readonly string[];
  /** Which part of the others is tried: any whole number from 0. So many turns in a row as there are parts try all of them. */
  readonly turn: number;
  /** How long mutants took in the last whole run: name → seconds. */
  readonly seconds: ReadonlyMap<string, number>;
}

/**
 * The mutants that a run of all tests tries: those whose source, or the test that is to find them, has changed, as many as fit into the
 * time; and a part of all. `npm run mutants` tries all.
 */
export function sampleOf(mutants: readonly Mutant[], { changed, turn, seconds }: SampleOptions): readonly Mutant[] {
  const files = new Set(changed);
  const touched = mutants.filter(({ file, caughtBy }) => files.has(file) || files.has(caughtBy.test));
  const parts = partsOf(mutants, seconds);
  const chosen = new Set([...(partsOf(touched, seconds)[0] ?? []), ...(parts[turn % parts.length] ?? [])]);
  return mutants.filter((mutant) => chosen.has(mutant));
}

/** Parts that take about as long as each other. The shortest mutants come first, so that each part but the last few has many. */
export function partsOf(
  mutants: readonly Mutant[],
  seconds: ReadonlyMap<string, number>,
): readonly (readonly Mutant[])[] {
  const lasting = (mutant: Mutant) => seconds.get(mutant.name) ?? UNKNOWN_S;
  const parts: Mutant[][] = [];
  let part: Mutant[] = [];
  let left = 0;
  for (const mutant of [...mutants].sort((a, b) => lasting(a) - lasting(b))) {
    if (parts.length === 0 || lasting(mutant) > left) {
      parts.push((part = []));
      left = BUDGET_S;
    }
    part.push(mutant);
    left -= lasting(mutant);
  }
  return parts;
}
