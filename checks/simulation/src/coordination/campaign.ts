import type { Violation } from '@holdfast/testkit';
import { addCounts } from '../world/stats.js';
import { generateCoordination } from './generate.js';
import type { CoordinationRunOptions } from './parts.js';
import type { CoordinationPlan } from './plan.js';
import { noCoordinationStats, type CoordinationStats } from './stats.js';
import { runCoordination } from './world.js';

export interface CoordinationFailure {
  readonly seed: number;
  readonly plan: CoordinationPlan;
  readonly violations: readonly Violation[];
}

export interface CoordinationCampaignOptions extends CoordinationRunOptions {
  readonly first: number;
  readonly seeds: number;
  /** Called after each world; `false` ends the campaign. */
  readonly onSeed?: (seed: number, failure: CoordinationFailure | undefined) => boolean | undefined;
}

/** What came of many worlds. */
export interface CoordinationResult {
  readonly seeds: number;
  readonly failures: readonly CoordinationFailure[];
  /** Worlds with histories that can't be told apart. They were not judged. */
  readonly setAside: number;
  readonly stats: Readonly<CoordinationStats>;
  readonly faults: Readonly<Record<string, number>>;
}

/** Runs the worlds of a range of seeds, one after another. */
export async function runCoordinationCampaign(options: CoordinationCampaignOptions): Promise<CoordinationResult> {
  const { first, seeds, onSeed } = options;
  const stats = noCoordinationStats();
  const faults: Record<string, number> = {};
  const failures: CoordinationFailure[] = [];
  let run = 0;
  let setAside = 0;
  for (let seed = first; seed < first + seeds; seed += 1) {
    const plan = generateCoordination(seed);
    const outcome = await runCoordination(plan, options);
    const { violations } = outcome;
    run += 1;
    if (outcome.isSetAside) setAside += 1;
    for (const name of Object.keys(stats) as (keyof CoordinationStats)[]) stats[name] += outcome.stats[name];
    addCounts(faults, outcome.faults);
    const failure = violations.length === 0 ? undefined : { seed, plan, violations };
    if (failure !== undefined) failures.push(failure);
    if (onSeed?.(seed, failure) === false) break;
  }
  return { seeds: run, failures, setAside, stats, faults };
}
