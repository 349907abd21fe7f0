import {
  runWorlds,
  type WorldFailure,
  type Worlds,
  type WorldsCampaignOptions,
  type WorldsResult,
} from '../campaign/worlds.js';
import { generateCoordination } from './generate.js';
import type { CoordinationRunOptions } from './parts.js';
import type { CoordinationPlan } from './plan.js';
import { shrinkCoordination } from './shrink.js';
import { noCoordinationStats, type CoordinationStats } from './stats.js';
import { runCoordination } from './world.js';

/** `npm run simulate -- --coordination`: worlds of coordinators. */
export const coordinationWorlds: Worlds<CoordinationPlan, CoordinationStats, CoordinationRunOptions> = {
  option: '--coordination',
  generate: generateCoordination,
  run: runCoordination,
  shrink: (failure) => shrinkCoordination(failure),
  noStats: noCoordinationStats,
};

export type CoordinationCampaignOptions = WorldsCampaignOptions<CoordinationPlan> & CoordinationRunOptions;

/** Runs the worlds of a range of seeds, one after another. */
export function runCoordinationCampaign(
  options: CoordinationCampaignOptions,
): Promise<WorldsResult<CoordinationPlan, CoordinationStats>> {
  return runWorlds(coordinationWorlds, options);
}

export type CoordinationFailure = WorldFailure<CoordinationPlan>;
