import type { Violation } from '@holdfast/testkit';
import { generate } from './generate.js';
import type { Plan } from './plan.js';
import { runPlan, type RunOptions, type Stats } from './world.js';

export interface Failure {
  readonly seed: number;
  readonly plan: Plan;
  readonly violations: readonly Violation[];
}

/** What came of many worlds. Figures add up, but for convergence times. */
export interface CampaignResult {
  readonly seeds: number;
  readonly failures: readonly Failure[];
  readonly stats: Stats;
  /** Of every world, in virtual milliseconds, ascending. */
  readonly convergence: readonly number[];
}

export interface CampaignOptions extends RunOptions {
  readonly first: number;
  readonly seeds: number;
  /** Called after each world; `false` ends the campaign. */
  readonly onSeed?: (seed: number, failure: Failure | undefined) => boolean | undefined;
}

/** Runs the worlds of so many seeds, one after the other. */
export async function runCampaign({ first, seeds, onSeed, ...options }: CampaignOptions): Promise<CampaignResult> {
  const failures: Failure[] = [];
  const convergence: number[] = [];
  const stats: Stats = {
    steps: 0,
    timers: 0,
    events: 0,
    looks: 0,
    commits: 0,
    batches: 0,
    elapsedMs: 0,
    convergenceMs: 0,
    faults: {},
  };
  let done = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    const plan = generate(seed);
    const { violations, stats: own } = await runPlan(plan, options);
    done += 1;
    add(stats, own);
    if (violations.length === 0) convergence.push(own.convergenceMs);
    const failure = violations.length === 0 ? undefined : { seed, plan, violations };
    if (failure !== undefined) failures.push(failure);
    if (onSeed?.(seed, failure) === false) break;
  }
  return { seeds: done, failures, stats, convergence: convergence.sort((a, b) => a - b) };
}

function add(total: Stats, { faults, ...own }: Stats): void {
  for (const name of Object.keys(own) as (keyof typeof own)[]) total[name] += own[name];
  for (const [fault, count] of Object.entries(faults)) total.faults[fault] = (total.faults[fault] ?? 0) + count;
}
