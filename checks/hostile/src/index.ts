export { runCampaign, type CampaignOptions, type CampaignResult } from './campaign.js';
export type { Finding } from './episode.js';
export type { Target } from './target.js';
export { V2Target, V3Target } from './targets.js';
