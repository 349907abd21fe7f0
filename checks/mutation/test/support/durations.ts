import { join } from 'node:path';
import { readRun, RESULTS_FILE } from '../../src/index.js';

/** How long each mutant took in the committed run: name → seconds. */
export function lastDurations(root: string): ReadonlyMap<string, number> {
  const run = readRun(join(root, RESULTS_FILE));
  return new Map((run?.mutants ?? []).map(({ name, seconds }) => [name, seconds]));
}
