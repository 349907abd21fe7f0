import type { Mutant } from './mutant.js';

/** Seconds that one part of the mutants takes, and that those that were touched may take besides. */
const BUDGET_S = 15;

/** Seconds for a mutant of which, and of whose test file, nothing is known yet. */
const UNKNOWN_S = 10;

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
  const lasting = expectedSeconds(mutants, seconds);
  const parts = partsOf(mutants, lasting);
  const chosen = new Set([...(partsOf(touched, lasting)[0] ?? []), ...(parts[turn % parts.length] ?? [])]);
  return mutants.filter((mutant) => chosen.has(mutant));
}

/** Parts that take about as long as each other. The shortest mutants come first, so that each part but the last few has many. */
export function partsOf(
  mutants: readonly Mutant[],
  lasting: (mutant: Mutant) => number,
): readonly (readonly Mutant[])[] {
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

/** Seconds that a mutant is expected to take: as in the last whole run, or else as long as the longest of its test file did. */
export function expectedSeconds(
  mutants: readonly Mutant[],
  seconds: ReadonlyMap<string, number>,
): (mutant: Mutant) => number {
  const longest = new Map<string, number>();
  for (const { name, caughtBy } of mutants) {
    const lasted = seconds.get(name);
    if (lasted !== undefined) longest.set(caughtBy.test, Math.max(lasted, longest.get(caughtBy.test) ?? 0));
  }
  return ({ name, caughtBy }) => seconds.get(name) ?? longest.get(caughtBy.test) ?? UNKNOWN_S;
}
