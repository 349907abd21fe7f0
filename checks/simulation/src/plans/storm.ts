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

// Another sequence again.
const CALM_SALT = 0x6c1d_95e3;

/**
 * The same world; seven of eight storms are left out. A world with a storm takes about four times as long as another one, so storms took more
 * than half of a campaign's time. A campaign of 100,000 seeds still has 3,000 of them.
 */
export function fewerStorms(plan: Plan): Plan {
  if (plan.compactEveryMs === undefined || new Random(plan.seed ^ CALM_SALT).chance(1 / 8)) return plan;
  const { compactEveryMs: _, ...calm } = plan;
  return calm;
}
