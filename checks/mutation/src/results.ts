import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** The result of a run of all mutants, as it is committed. */
export interface MutationRun {
  /** The commit whose sources were mutated. */
  readonly commit: string;
  /** When the run ended, as an ISO date. */
  readonly at: string;
  readonly brokenStores: BrokenStoresResult;
  readonly mutants: readonly MutantResult[];
}

/** Tests of the conformance suite's broken stores, each with every case of the suite. */
export interface BrokenStoresResult {
  readonly passed: number;
  /** The names of those that failed. */
  readonly failed: readonly string[];
}

export interface MutantResult {
  readonly name: string;
  readonly verdict: 'caught' | 'survived' | 'broken';
  /** What the test said, or why the run says nothing of it. */
  readonly says: string;
  readonly seconds: number;
}

/** Where the result of the last whole run is, from the root of the repository. */
export const RESULTS_FILE = 'checks/mutation/results/run.json';

export function readRun(path: string): MutationRun | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as MutationRun) : undefined;
}

/** One mutant a line, so that runs can be compared. */
export function writeRun(path: string, { mutants, ...rest }: MutationRun): void {
  mkdirSync(dirname(path), { recursive: true });
  const head = JSON.stringify(rest, null, 1).slice(0, -2);
  const lines = mutants.map((mutant) => `  ${JSON.stringify(mutant)}`).join(',\n');
  writeFileSync(path, `${head},\n "mutants": [\n${lines}\n ]\n}\n`);
}
