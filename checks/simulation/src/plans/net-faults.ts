import type { NetFault } from './plan.js';
import type { Random } from './random.js';

const PASSING: readonly (readonly [number, NetFault])[] = [
  [5, 'heal'],
  [3, 'reset'],
  [2, 'cut'],
  [3, 'silence'],
  [1, 'stall'],
  [3, 'lose-answers'],
  [2, 'slow'],
  [1, 'expire'],
];

const REFUSALS: readonly (readonly [number, NetFault])[] = [
  [1, 'deny'],
  [1, 'lock-out'],
  [1, 'proxy-answers'],
  [1, 'proxy-passes'],
  [2, 'grant'],
];

/** A fault of a client's network, in worlds whose clients write: in some of them they are refused as well. */
export function netFault(random: Random, hasRefusals: boolean): NetFault {
  return random.weighted(hasRefusals ? [...PASSING, ...REFUSALS] : PASSING);
}
