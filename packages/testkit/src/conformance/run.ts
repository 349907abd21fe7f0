import { asError } from '../as-error.js';
import { checkFunction, checkIterable, checkOptions, checkShape } from '../check.js';
import { checkBackend } from './check-backend.js';
import type { ConformanceBackend } from './backend.js';
import { whySkipped, type ConformanceCase } from './case.js';
import { ConformanceContext } from './context.js';
import { ConformanceFailure } from './expect.js';
import { inTime } from './patience.js';

export type CaseOutcome =
  | ({ readonly status: 'passed' } & CaseFacts)
  | { readonly status: 'failed'; readonly error: Error }
  | { readonly status: 'skipped'; readonly reason: string };

/** What a case that passed was held over. */
export interface CaseFacts {
  /** The case disturbs a link that {@link simulateLink} made: it says how the suite's link behaves, and nothing of the driver's own. */
  readonly simulated: boolean;
}

export interface CaseReport {
  readonly case: ConformanceCase;
  readonly outcome: CaseOutcome;
}

/** Runs one case against a backend. Throws if the store breaks the guarantee. */
export async function runCase(conformanceCase: ConformanceCase, backend: ConformanceBackend): Promise<CaseFacts> {
  checkShape(conformanceCase, ['id', 'run'], 'runCase(case)', 'one of conformanceCases is');
  checkBackend(backend, 'runCase(case, backend)');
  const context = await ConformanceContext.open(backend);
  // Long enough for several waits and the work itself. A call that never settles then fails the case, not the run.
  const limitMs = 3 * context.patienceMs + 5_000;
  try {
    await inTime(
      conformanceCase.run(context),
      limitMs,
      () => `${conformanceCase.id} did not finish within ${limitMs} ms`,
    );
    return { simulated: context.simulated };
  } catch (error) {
    throw advised(error, conformanceCase.advice);
  } finally {
    await context.cleanUp();
    await inTime(context.close(), limitMs, () => `the handles of ${conformanceCase.id} did not close in ${limitMs} ms`);
  }
}

/** What the case found, and what to do about it. */
function advised(error: unknown, advice: string | undefined): unknown {
  if (advice === undefined || !(error instanceof ConformanceFailure)) return error;
  error.message = `${error.message}. What to do: ${advice}`;
  return error;
}

export interface RunConformanceOptions {
  /** Called with each report as soon as its case is over. A run of minutes is not silent then. It may return a promise. */
  readonly onCase?: (report: CaseReport) => unknown;
}

/**
 * Runs cases one after another and reports on each. For those without a test runner: a binding to one makes a test of each case
 * instead, with `runCase`.
 */
export async function runConformance(
  backend: ConformanceBackend,
  cases: readonly ConformanceCase[],
  options: RunConformanceOptions = {},
): Promise<CaseReport[]> {
  checkBackend(backend, 'runConformance(backend)');
  checkIterable(cases, 'runConformance(backend, cases)');
  checkOptions(options, ['onCase'], 'runConformance()');
  const { onCase } = options;
  if (onCase !== undefined) checkFunction(onCase, 'onCase');
  const store = await backend.open();
  const { capabilities } = store;
  await store.close();
  const reports: CaseReport[] = [];
  for (const conformanceCase of cases) {
    const reason = whySkipped(conformanceCase, capabilities, backend.hooks);
    const outcome: CaseOutcome =
      reason === undefined ? await outcomeOf(conformanceCase, backend) : { status: 'skipped', reason };
    const report: CaseReport = { case: conformanceCase, outcome };
    reports.push(report);
    await onCase?.(report);
  }
  return reports;
}

async function outcomeOf(conformanceCase: ConformanceCase, backend: ConformanceBackend): Promise<CaseOutcome> {
  try {
    return { status: 'passed', ...(await runCase(conformanceCase, backend)) };
  } catch (error) {
    return { status: 'failed', error: asError(error) };
  }
}
