import type { Capabilities } from '@holdfast/store';
import { checkIterable, checkText } from '../check.js';
import { clauses, type ClauseId } from './clauses.js';
import type { CaseReport } from './run.js';

/** How a case went, as plain data. */
export interface ReportedCase {
  readonly id: string;
  readonly clauses: readonly ClauseId[];
  readonly title: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** It passed over a link that the suite simulates, and says nothing of the driver's own. */
  readonly simulated?: true;
  /** Why it was skipped. */
  readonly reason?: string;
  /** The message of the failure. */
  readonly error?: string;
}

/** How the suite went on a backend, as plain data: for an adapter's author to publish, and for others to compare. */
export interface ConformanceReport {
  readonly backend: string;
  /** The version of the backend, as `store.status()` tells it. */
  readonly version?: string;
  readonly capabilities?: Capabilities;
  readonly summary: {
    readonly passed: number;
    /** How many of those that passed did so over a simulated link. */
    readonly simulated: number;
    readonly failed: number;
    readonly skipped: number;
  };
  readonly cases: readonly ReportedCase[];
}

/**
 * Makes a report of what `runConformance` gives, or of what its `onCase` was told.
 *
 * @param name what the report calls the backend, such as `my-store@1.4`
 */
export function conformanceReport(
  name: string,
  reports: readonly CaseReport[],
  facts: { readonly version?: string | undefined; readonly capabilities?: Capabilities | undefined } = {},
): ConformanceReport {
  checkText(name, 'conformanceReport(name)', "'my-store'");
  checkIterable(reports, 'conformanceReport(name, reports)');
  const cases = reports.map(reportedCase);
  const count = (status: ReportedCase['status']) => cases.filter((each) => each.status === status).length;
  return {
    backend: name,
    ...(facts.version !== undefined && { version: facts.version }),
    ...(facts.capabilities !== undefined && { capabilities: facts.capabilities }),
    summary: {
      passed: count('passed'),
      simulated: cases.filter(({ simulated }) => simulated).length,
      failed: count('failed'),
      skipped: count('skipped'),
    },
    cases,
  };
}

function reportedCase({ case: { id, clauses: held, title }, outcome }: CaseReport): ReportedCase {
  const common = { id, clauses: held, title, status: outcome.status };
  switch (outcome.status) {
    case 'passed':
      return outcome.simulated ? { ...common, simulated: true } : common;
    case 'failed':
      return { ...common, error: outcome.error.message };
    case 'skipped':
      return { ...common, reason: outcome.reason };
    default:
      return outcome satisfies never;
  }
}

/** The report as a page of Markdown: the sums, what the backend declares, and a table of the cases of each clause. */
export function toMarkdown(report: ConformanceReport): string {
  const { backend, version, capabilities, summary, cases } = report;
  const { passed, simulated, failed, skipped } = summary;
  const over = simulated === 0 ? '' : ` (${simulated} of them over a simulated link)`;
  const lines = [
    `# Conformance of ${backend}`,
    '',
    ...(version === undefined ? [] : [`Version of the backend: ${version}.`, '']),
    `**${passed} passed${over}, ${failed} failed, ${skipped} skipped.**`,
    '',
    ...(simulated === 0
      ? []
      : [
          'A case marked *simulated* disturbed a link of the suite. It says nothing of how the driver notices that its backend is gone.',
          '',
        ]),
    ...(capabilities === undefined
      ? []
      : ['| capability | |', '|---|---|', ...Object.entries(capabilities).map(row), '']),
  ];
  for (const [clause, name] of Object.entries(clauses)) {
    const own = cases.filter(({ clauses: [main] }) => main === clause);
    if (own.length === 0) continue;
    lines.push(`## ${clause} ${name}`, '', '| case | guarantee | |', '|---|---|---|', ...own.map(caseRow), '');
  }
  return lines.join('\n');
}

const row = ([name, value]: [string, unknown]) =>
  `| \`${name}\` | ${cell(typeof value === 'string' ? value : JSON.stringify(value))} |`;

function caseRow({ id, title, status, simulated, reason, error }: ReportedCase): string {
  const mark = simulated === true ? 'passed, *simulated*' : status === 'failed' ? '**failed**' : status;
  const why = reason ?? error;
  return `| \`${id}\` | ${cell(title)} | ${mark}${why === undefined ? '' : `: ${cell(why)}`} |`;
}

/** A text in one cell of a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}
