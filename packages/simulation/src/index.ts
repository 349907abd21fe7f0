export { runCampaign, type CampaignOptions, type CampaignResult, type Failure } from './campaign.js';
export { generate } from './generate.js';
export type { MirrorPlan, Plan, Step, WatchPlan, Write } from './plan.js';
export { type Outcome, runPlan, type RunOptions, type Stats } from './world.js';
export { type Regression, regressions } from './regressions.js';
export { shrink } from './shrink.js';
