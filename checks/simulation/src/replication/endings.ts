import { ReplicationConflictError } from '@holdfast/core/replicate';
import { isStoreError } from '@holdfast/store';
import { isRefusal } from '../coordination/refusals.js';
import type { ReplicationPlan } from './plan.js';
import type { Run } from './run.js';
import type { TargetHistory } from './target-history.js';

export interface EndingsOptions {
  readonly plan: ReplicationPlan;
  readonly history: TargetHistory;
  /** How many runs began. */
  readonly runs: () => number;
  /** Whether the source has had another history, or looks like that. */
  readonly isOther: () => boolean;
}

const REFUSING: readonly string[] = ['deny', 'lock-out', 'proxy-answers'];

/** What is wrong with the way in which a run ended by itself; `undefined` if it had to. */
export function wrongEnding(run: Run, error: unknown, options: EndingsOptions): string | undefined {
  return hasReason(run, error, options) ? undefined : `${run.name} ended: ${String(error)}`;
}

function hasReason(run: Run, error: unknown, { plan, history, runs, isOther }: EndingsOptions): boolean {
  if (error instanceof ReplicationConflictError)
    return plan.policy === 'stop' && error.conflicts.every(({ targetKey }) => history.isTouched(targetKey));
  if (!isStoreError(error)) return false;
  const mayBeRefused = plan.steps.some((step) => step.do === 'net' && REFUSING.includes(step.fault));
  if (mayBeRefused && isRefusal(error)) return true;
  switch (error.code) {
    case 'conflict':
      if (error.message.includes('another replicator')) return runs() > 1;
      return error.message.includes('is gone') && history.isDisowned;
    case 'history-changed':
      return isOther() && !run.acceptsHistory;
    case 'timeout':
      return run.replication === undefined && run.isTroubled;
    default:
      return false;
  }
}
