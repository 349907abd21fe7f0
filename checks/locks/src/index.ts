export { runCampaign, tooManyRepeats, type CampaignResult } from './campaign.js';
export { exclusive, fenced, inOrder, nothingLeft, served, toldInTime } from './checkers.js';
export { FAULTS } from './faults.js';
export { Resource, type Happening, type History } from './history.js';
