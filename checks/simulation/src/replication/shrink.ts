import { shrinkBy } from '../campaign/shrink.js';
import type { WorldFailure } from '../campaign/worlds.js';
import type { ReplicationRunOptions } from './parts.js';
import type { ReplicationPlan, ReplicationStep } from './plan.js';
import { runReplication } from './world.js';

/** A smaller plan that breaks the same promise: fewer steps and processes, shorter waits, smaller transactions. */
export function shrinkReplication(
  failure: WorldFailure<ReplicationPlan>,
  options: ReplicationRunOptions = {},
): Promise<WorldFailure<ReplicationPlan>> {
  return shrinkBy(failure, { run: (plan) => runReplication(plan, options), size, lessBesides, simpler });
}

function size({ steps, hosts, isMapped, source, target, mostOperations }: ReplicationPlan): number {
  return JSON.stringify([steps, hosts, isMapped, source, target, mostOperations]).length;
}

function lessBesides(plan: ReplicationPlan): ReplicationPlan[] {
  return [
    ...(plan.hosts > 1 ? [{ ...plan, hosts: 1 }] : []),
    ...(plan.isMapped ? [{ ...plan, isMapped: false }] : []),
    ...(plan.source === 'v2' ? [{ ...plan, source: 'v3' as const }] : []),
    ...(plan.target === 'v2' ? [{ ...plan, target: 'v3' as const }] : []),
    ...(plan.mostOperations < 128 ? [{ ...plan, mostOperations: 128 }] : []),
  ];
}

function simpler(step: ReplicationStep | undefined): ReplicationStep[] {
  if (step?.do === 'wait' && step.ms > 1)
    return [
      { ...step, ms: 1 },
      { ...step, ms: Math.ceil(step.ms / 2) },
    ];
  if (step?.do === 'restore' && step.writes > 0) return [{ ...step, writes: 0 }];
  if (step?.do === 'kill' && step.at !== undefined) return [{ do: 'kill', host: step.host }];
  if (step?.do !== 'write' || step.write.kind !== 'txn') return [];
  const { puts, deletes } = step.write;
  return [
    ...puts.map((key): ReplicationStep => ({ do: 'write', write: { kind: 'put', key } })),
    ...(deletes.length > 0 ? [{ ...step, write: { kind: 'txn', puts, deletes: [] } } as const] : []),
    ...(puts.length > 2 ? [{ ...step, write: { kind: 'txn', puts: puts.slice(0, 2), deletes } } as const] : []),
  ];
}
