export type { Arena } from './arena.js';
export { runCampaign, type CampaignOptions, type CampaignResult, type Failure } from './campaign.js';
export { generate, type Kind } from './generate.js';
export { METHODS, type Plan, type Step } from './plan.js';
export { runPlan, type Difference, type PlanResult } from './run-plan.js';
export { show } from './show.js';
export { shrink } from './shrink.js';
export { V2Arena } from './v2-arena.js';
export { lmdbModel, V3Arena, type Model } from './v3-arena.js';
