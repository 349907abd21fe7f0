import { shrinkBy } from '../campaign/shrink.js';
import type { WorldFailure } from '../campaign/worlds.js';
import type { CoordinationRunOptions } from './parts.js';
import type { CoordinationPlan, CoordinationStep } from './plan.js';
import { runCoordination } from './world.js';

/** A smaller plan that breaks the same promise: fewer steps and observers, shorter waits, less haste. */
export function shrinkCoordination(
  failure: WorldFailure<CoordinationPlan>,
  options: CoordinationRunOptions = {},
): Promise<WorldFailure<CoordinationPlan>> {
  return shrinkBy(failure, { run: (plan) => runCoordination(plan, options), size, lessBesides, simpler });
}

function size({ steps, observers, members }: CoordinationPlan): number {
  return JSON.stringify([steps, observers, members]).length;
}

function lessBesides(plan: CoordinationPlan): CoordinationPlan[] {
  return [
    ...plan.observers.map((_, index) => ({
      ...plan,
      observers: plan.observers.filter((__, other) => other !== index),
    })),
    ...(plan.members > 1 ? [{ ...plan, members: 1 }] : []),
  ];
}

function simpler(step: CoordinationStep | undefined): CoordinationStep[] {
  if (step?.do === 'wait' && step.ms > 1)
    return [
      { ...step, ms: 1 },
      { ...step, ms: Math.ceil(step.ms / 2) },
    ];
  if (step?.do === 'restore' && step.writes > 0) return [{ ...step, writes: 0 }];
  if (step?.do !== 'acquire') return [];
  const { abort, timeoutMs, proclaims, ...rest } = step;
  const isHurried = abort !== undefined || timeoutMs !== undefined || proclaims !== undefined;
  return [...(isHurried ? [rest] : []), ...(step.holdMs > 0 ? [{ ...step, holdMs: 0 }] : [])];
}
