import type { Fault } from '../fault.js';
import { laggingFollower, leaderKill, partition, quorumLoss } from './cluster.js';
import { blackHole, cut, cutAfterBytes, delay, throttle } from './connection.js';
import { foreignMember } from './foreign-member.js';
import { historyFaults } from './history/index.js';
import { loadBalancer } from './load-balancer.js';
import { kill, pause } from './process.js';
import { proxyAnswers } from './proxy-answers.js';
import { tokenExpiry } from './token-expiry.js';

/** Every fault of the campaign. */
export const faults: readonly Fault[] = [
  kill,
  pause,
  cut,
  cutAfterBytes,
  blackHole,
  delay,
  throttle,
  laggingFollower,
  leaderKill,
  quorumLoss,
  partition,
  ...historyFaults,
  foreignMember,
  proxyAnswers,
  loadBalancer,
];

/** Every fault of worlds with coordinators. */
export const coordinatedFaults: readonly Fault[] = [...faults, tokenExpiry];
