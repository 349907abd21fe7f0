import { CampaignTotals, type CampaignResult, type Failure } from './campaign-result.js';
import { generate, type Generation } from '../plans/generate.js';
import type { RunOptions } from '../run-options.js';
import { runPlan } from '../world/world.js';

export interface CampaignOptions extends RunOptions {
  readonly first: number;
  readonly seeds: number;
  readonly generation?: Generation | undefined;
  /** Called after each world, with what all worlds so far gave; `false` ends the campaign. */
  readonly onSeed?: (seed: number, failure: Failure | undefined, soFar: CampaignResult) => boolean | undefined;
}

/** Runs the worlds of a range of seeds, one after another. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { first, seeds, generation, onSeed } = options;
  const totals = new CampaignTotals();
  for (let seed = first; seed < first + seeds; seed++) {
    const plan = generate(seed, generation);
    const outcome = await runPlan(plan, options);
    const { violations } = outcome;
    const failure = violations.length === 0 ? undefined : { seed, plan, violations };
    totals.addWorld(outcome, failure);
    if (onSeed?.(seed, failure, totals.result()) === false) break;
  }
  return totals.result();
}
