import { writeFileSync } from 'node:fs';
import { describeViolations } from '@holdfast/testkit';
import type { RunOptions } from '../run-options.js';
import { StopSignal } from './stop-signal.js';
import { runWorlds, type Worlds } from './worlds.js';
import { worldsReport } from './worlds-report.js';

export interface WorldsCommand {
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

/** `npm run simulate` with the option of these worlds. Gives the exit code. */
export async function worldsCommand<
  P extends { readonly steps: readonly unknown[] },
  S extends Record<keyof S, number>,
>(worlds: Worlds<P, S, Pick<RunOptions, 'trace'>>, options: WorldsCommand): Promise<number> {
  const { first, seeds, keepsGoing, traces, shrinks, out, command, print, onProgress } = options;
  const began = performance.now();
  const stop = new StopSignal();
  const result = await runWorlds(worlds, {
    first,
    seeds,
    trace: traces && seeds === 1 ? print : undefined,
    onSeed: (seed, failure) => {
      if (failure !== undefined) print(`seed ${seed}: ${describeViolations(failure.violations.slice(0, 1))}`);
      onProgress(seed - first + 1);
      return !stop.isGiven && (failure === undefined || keepsGoing);
    },
  });
  const next = first + result.seeds;
  if (stop.isGiven && next < first + seeds) print(`stopped: go on with --seeds ${first + seeds - next} --seed ${next}`);
  const report = worldsReport({ result, command, first, seconds: (performance.now() - began) / 1_000 });
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`);
  print(JSON.stringify({ checked: report.checked, faults: report.faults }, null, 1));
  print(
    `${result.seeds} worlds in ${report.seconds} s; ${report.faultsInAll} faults; ${result.failures.length} with violations`,
  );
  const [failure] = result.failures;
  if (failure === undefined) return 0;
  print(`\nseed ${failure.seed}:\n${describeViolations(failure.violations)}`);
  if (shrinks) {
    const minimal = await worlds.shrink(failure);
    print(`\nthe least that shows it, of ${failure.plan.steps.length} steps ${minimal.plan.steps.length}:`);
    print(JSON.stringify({ ...minimal.plan, steps: undefined }));
    await worlds.run(minimal.plan, { trace: print });
  }
  print(`\nagain: npm run simulate -- ${worlds.option} --seeds 1 --seed ${failure.seed} --trace`);
  return 1;
}
