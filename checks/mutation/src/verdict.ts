/** What Jest reports of a run (`--json`), as far as it matters here. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** What a run of the named test on a mutant says of the test. */
export type Verdict =
  /** The test ran and failed, by an assertion or a wait of its own. `by`: the first line of what it said. */
  | { readonly kind: 'caught'; readonly by: string }
  /** The test ran and passed: it does not hold what it is named for. */
  | { readonly kind: 'survived' }
  /** The run says nothing of the test: it did not run, or broke for another reason than the bug. */
  | { readonly kind: 'broken'; readonly reason: string };

/** How failures begin that no test meant: Jest's own limit of time, and a mutant that is no program. */
const NO_FINDING = /^(?:Error: )?(?:thrown: "Exceeded timeout of \d+ ms|ReferenceError: |SyntaxError: )/;

export function verdictOf(report: JestReport): Verdict {
  // After a finding, an error outside of the tests is a consequence: the test has left something running.
  if (report.numRuntimeErrorTestSuites > 0 && report.numFailedTests === 0) {
    return { kind: 'broken', reason: `the test file could not be run: ${report.testResults[0]?.message ?? ''}` };
  }
  if (report.numPassedTests + report.numFailedTests === 0) return { kind: 'broken', reason: 'no test has that name' };
  if (report.numFailedTests === 0) return { kind: 'survived' };
  const failures = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'failed')
    .flatMap(({ failureMessages }) => failureMessages.map(firstLine));
  const finding = failures.find((message) => !NO_FINDING.test(message));
  if (finding === undefined) return { kind: 'broken', reason: `nothing was found out: ${failures[0] ?? ''}` };
  return { kind: 'caught', by: finding };
}

function firstLine(message: string): string {
  // Jest colours what it says.
  const [line = ''] = message.replaceAll(/\u001b\[\d+m/g, '').split('\n');
  return line.trim();
}
