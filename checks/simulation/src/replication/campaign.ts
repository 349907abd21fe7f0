import { runWorlds, type Worlds, type WorldsCampaignOptions, type WorldsResult } from '../campaign/worlds.js';
import { generateReplication } from './generate.js';
import type { ReplicationRunOptions } from './parts.js';
import type { ReplicationPlan } from './plan.js';
import { shrinkReplication } from './shrink.js';
import { noReplicationStats, type ReplicationStats } from './stats.js';
import { runReplication } from './world.js';

/** `npm run simulate -- --replication`: worlds of replicators. */
export const replicationWorlds: Worlds<ReplicationPlan, ReplicationStats, ReplicationRunOptions> = {
  option: '--replication',
  generate: generateReplication,
  run: runReplication,
  shrink: (failure) => shrinkReplication(failure),
  noStats: noReplicationStats,
};

export type ReplicationCampaignOptions = WorldsCampaignOptions<ReplicationPlan> & ReplicationRunOptions;

/** Runs the worlds of a range of seeds, one after another. */
export function runReplicationCampaign(
  options: ReplicationCampaignOptions,
): Promise<WorldsResult<ReplicationPlan, ReplicationStats>> {
  return runWorlds(replicationWorlds, options);
}
