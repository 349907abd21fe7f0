import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { describeViolations } from '@holdfast/testkit';
import type { Generation } from '../plans/generate.js';
import { runPlan } from '../world/world.js';
import { runCampaign } from './campaign.js';
import { type CampaignResult, quantiles } from './campaign-result.js';
import { type CampaignState, newState, nextSeed, readState, withRun, writeState } from './campaign-state.js';
import { lineOf } from './job.js';
import { runInJobs } from './jobs.js';
import { nowAndThen } from './now-and-then.js';
import { report } from './report.js';
import { shrink } from './shrink.js';
import { StopSignal } from './stop-signal.js';
import type { WorldsCommand } from './worlds-command.js';

export interface MirrorsCommand extends Omit<WorldsCommand, 'onProgress'> {
  readonly generation: Generation;
  readonly jobs: number;
  /** The program that a job runs. */
  readonly program: string;
  /** The file of a campaign that several commands run. */
  readonly state: string | undefined;
}

/** `npm run simulate` for the worlds of mirrors. Gives the exit code. */
export async function mirrorsCommand(command: MirrorsCommand): Promise<number> {
  const { first, seeds, generation, jobs, out, shrinks, print } = command;
  const subject = { commit: commitHere(), generation, first };
  const before = command.state === undefined ? newState(subject) : readState(command.state, subject);
  const left = first + seeds - nextSeed(before);
  const state = left < 1 ? before : await goOn(command, before, left);
  const { result } = state;
  const told = report({ state, command: command.command, jobs });
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(told, null, 2)}\n`);
  print(JSON.stringify({ checked: told.checked, faults: told.faults }, null, 1));
  print(`convergence in virtual ms: ${JSON.stringify(quantiles(result.convergence))}`);
  print(
    `${result.seeds} worlds in ${told.seconds} s, ${told.worldsPerMinute} a minute; ${told.faultsInAll} faults; ${result.failures.length} with violations`,
  );
  const [failure] = result.failures;
  if (failure === undefined) return 0;
  print(`\nseed ${failure.seed}:\n${describeViolations(failure.violations)}`);
  if (shrinks) {
    const minimal = await shrink(failure);
    print(`\nthe least that shows it, of ${failure.plan.steps.length} steps ${minimal.plan.steps.length}:`);
    print(JSON.stringify({ ...minimal.plan, steps: undefined }));
    await runPlan(minimal.plan, { trace: print });
  }
  print(`\nagain: npm run simulate -- --seeds 1 --seed ${failure.seed} --trace`);
  return 1;
}

/** Runs the seeds that are left. A signal ends it early, with what was run by then. */
async function goOn(command: MirrorsCommand, before: CampaignState, left: number): Promise<CampaignState> {
  const { first, seeds, keepsGoing, state: file, print } = command;
  const began = performance.now();
  const stop = new StopSignal();
  const upTo = (result: CampaignResult) => withRun(before, result, (performance.now() - began) / 1_000);
  const save = (state: CampaignState) => {
    if (file !== undefined) writeState(file, state);
  };
  const tell = nowAndThen((result: CampaignResult) => {
    const state = upTo(result);
    print(`${result.seeds} worlds in ${state.runs.at(-1)?.seconds ?? 0} s`);
    save(state);
  });
  const result = await runSeeds({ ...command, first: nextSeed(before), seeds: left }, (soFar) => {
    tell(soFar);
    return !stop.isGiven;
  });
  const state = upTo(result);
  save(state);
  const next = nextSeed(state);
  if (next < first + seeds && (keepsGoing || state.result.failures.length === 0))
    print(
      `stopped: go on with --seeds ${first + seeds - next} --seed ${next}${file === undefined ? '' : ', or with the same command'}`,
    );
  return state;
}

function runSeeds(command: MirrorsCommand, onProgress: (soFar: CampaignResult) => boolean): Promise<CampaignResult> {
  const { first, seeds, generation, jobs, keepsGoing, traces, program, print } = command;
  if (jobs > 1) return runInJobs(program, { jobs, first, seeds, generation, keepsGoing, onProgress, onFailure: print });
  return runCampaign({
    first,
    seeds,
    generation,
    trace: traces && seeds === 1 ? print : undefined,
    onSeed: (_, failure, soFar) => {
      if (failure !== undefined) print(lineOf(failure));
      return onProgress(soFar) && (failure === undefined || keepsGoing);
    },
  });
}

function commitHere(): string {
  return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
}
