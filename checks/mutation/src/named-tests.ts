import { join } from 'node:path';
import type { Mutant } from './mutant.js';

/** What Jest reports of a run of all tests (`--json`), as far as it matters here. */
export interface FullReport {
  readonly testResults: readonly {
    /** The file's path. */
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string }[];
  }[];
}

/**
 * The mutants whose named test was not among those that ran: it has another name by now, or was removed. A run of the sample sees that
 * only of the mutants that it tries.
 *
 * @param root the root of the repository
 */
export function withoutTheirTest(mutants: readonly Mutant[], report: FullReport, root: string): readonly Mutant[] {
  const ran = new Map(report.testResults.map(({ name, assertionResults }) => [name, assertionResults]));
  return mutants.filter(({ caughtBy: { test, name } }) => {
    // As Jest reads --testNamePattern.
    const pattern = new RegExp(name, 'i');
    return ran.get(join(root, test))?.some(({ fullName }) => pattern.test(fullName)) !== true;
  });
}
