import { writeFileSync } from 'node:fs';
import { describeViolations } from '@holdfast/testkit';
import { runCoordinationCampaign, type CoordinationFailure } from './campaign.js';
import { coordinationReport } from './report.js';
import { shrinkCoordination } from './shrink.js';
import { runCoordination } from './world.js';

export interface CoordinationCommand {
  readonly first: number;
  readonly seeds: number;
  readonly keepsGoing: boolean;
  readonly traces: boolean;
  readonly shrinks: boolean;
  readonly out: string | undefined;
  /** As it was given, for the report. */
  readonly command: string;
  readonly print: (line: string) => void;
  /** Called after each world, with how many there were. */
  readonly onProgress: (worlds: number) => void;
}

const lineOf = ({ seed, violations }: CoordinationFailure): string =>
  `seed ${seed}: ${describeViolations(violations.slice(0, 1))}`;

/** `npm run simulate -- --coordination`: worlds of coordinators. Gives the exit code. */
export async function coordinationCommand(options: CoordinationCommand): Promise<number> {
  const { first, seeds, keepsGoing, traces, shrinks, out, command, print, onProgress } = options;
  const began = performance.now();
  let isStopped = false;
  // What has run by then counts.
  process.once('SIGTERM', () => (isStopped = true));
  const result = await runCoordinationCampaign({
    first,
    seeds,
    trace: traces && seeds === 1 ? print : undefined,
    onSeed: (seed, failure) => {
      if (failure !== undefined) print(lineOf(failure));
      onProgress(seed - first + 1);
      return !isStopped && (failure === undefined || keepsGoing);
    },
  });
  const report = coordinationReport({ result, command, first, seconds: (performance.now() - began) / 1_000 });
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`);
  print(JSON.stringify({ checked: report.checked, faults: report.faults }, null, 1));
  print(
    `${result.seeds} worlds in ${report.seconds} s; ${report.faultsInAll} faults; ${result.failures.length} with violations`,
  );
  const [failure] = result.failures;
  if (failure === undefined) return 0;
  print(`\nseed ${failure.seed}:\n${describeViolations(failure.violations)}`);
  if (shrinks) {
    const minimal = await shrinkCoordination(failure);
    print(`\nthe least that shows it, of ${failure.plan.steps.length} steps ${minimal.plan.steps.length}:`);
    print(JSON.stringify({ ...minimal.plan, steps: undefined }));
    await runCoordination(minimal.plan, { trace: print });
  }
  print(`\nagain: npm run simulate -- --coordination --seeds 1 --seed ${failure.seed} --trace`);
  return 1;
}
