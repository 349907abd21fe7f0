export { runCampaign, type CampaignOptions } from './campaign/campaign.js';
export {
  type CampaignResult,
  type Failure,
  type Histogram,
  quantiles,
  type Quantiles,
} from './campaign/campaign-result.js';
export { generate, type Generation } from './plans/generate.js';
export type { MirrorPlan, Plan, Step, WatchPlan, Write } from './plans/plan.js';
export type { Convergence, Outcome } from './world/outcome.js';
export type { RunOptions } from './run-options.js';
export { runPlan } from './world/world.js';
export type { Stats } from './world/stats.js';
export { type Regression, regressions } from './campaign/regressions.js';
export { type ClockView, SimClock } from './sim-clock.js';
export { shrink } from './campaign/shrink.js';
