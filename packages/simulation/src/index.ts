export { runCampaign, type CampaignOptions } from './campaign.js';
export { type CampaignResult, type Failure, type Histogram, quantiles, type Quantiles } from './campaign-result.js';
export { generate, type Generation } from './generate.js';
export type { MirrorPlan, Plan, Step, WatchPlan, Write } from './plan.js';
export { type Convergence, type Outcome, runPlan, type RunOptions } from './world.js';
export type { Stats } from './stats.js';
export { type Regression, regressions } from './regressions.js';
export { shrink } from './shrink.js';
