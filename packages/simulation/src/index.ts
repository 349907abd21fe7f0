export { generate } from './generate.js';
export type { MirrorPlan, Plan, Step, WatchPlan, Write } from './plan.js';
export { type Outcome, runPlan, type RunOptions, type Stats } from './world.js';
