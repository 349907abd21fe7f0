import type { Arena } from './arena.js';
import { addTally, noTally, type Tally } from './counts.js';
import { generate } from './generate.js';
import type { Plan } from './plan.js';
import { runPlan, type Difference } from './run-plan.js';

export interface Failure {
  readonly seed: number;
  readonly plan: Plan;
  readonly difference: Difference;
  /** What was done up to the difference, as a program. */
  readonly lines: readonly string[];
}

export interface CampaignOptions {
  readonly first: number;
  readonly seeds: number;
  /** Called after each seed; `false` ends the campaign. */
  readonly onSeed?: (seed: number, failure: Failure | undefined) => boolean | undefined;
}

export interface CampaignResult {
  readonly seeds: number;
  readonly tally: Tally;
  readonly failures: readonly Failure[];
}

/** Leads the two stores of an arena through the plans of so many seeds. */
export async function runCampaign(arena: Arena, { first, seeds, onSeed }: CampaignOptions): Promise<CampaignResult> {
  const tally = noTally();
  const failures: Failure[] = [];
  let seed = first;
  for (; seed < first + seeds; seed += 1) {
    const plan = generate(seed, arena.kind);
    const result = await runPlan(arena, plan);
    addTally(tally, result.tally);
    const failure = result.difference && { seed, plan, difference: result.difference, lines: result.lines };
    if (failure !== undefined) failures.push(failure);
    if (onSeed?.(seed, failure) === false) break;
  }
  return { seeds: Math.min(seed + 1, first + seeds) - first, tally, failures };
}
