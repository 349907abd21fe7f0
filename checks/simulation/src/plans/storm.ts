import type { Plan } from './plan.js';
import { Random } from './random.js';

// Another sequence than those of the plan, and of what else is added to it.
const SALT = 0x51a7_0c3d;

/**
 * The same world, in a part of the worlds with history that is compacted faster than a mirror can be loaded, from the beginning to the end,
 * and also while everything else is in order.
 */
export function storm(plan: Plan): Plan {
  const random = new Random(plan.seed ^ SALT);
  if (!random.chance(0.25)) return plan;
  return { ...plan, compactEveryMs: random.pick([4, 8, 15, 40]) };
}
