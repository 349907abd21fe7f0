import { ReplicationConflictError } from '@holdfast/core/replicate';
import { isStoreError } from '@holdfast/store';
import { isRefusal } from '../coordination/refusals.js';
import type { ReplicationPlan } from './plan.js';
import type { Run } from './run.js';
import type { TargetHistory } from './target-history.js';

export interface EndingsOptions {
  readonly plan: ReplicationPlan;
  readonly history: TargetHistory;
  /** Whether the source has had another history since the run began or the target was filled, or looks like that. */
  readonly isOther: (run: Run) => boolean;
}

/** What makes a store answer late. */
const DELAYING: readonly string[] = ['net', 'cut-after', 'reads', 'watches', 'late-write', 'stop', 'restore'];

/** What is wrong with the way in which a run ended by itself; `undefined` if it had to. */
export function wrongEnding(run: Run, error: unknown, options: EndingsOptions): string | undefined {
  return hasReason(run, error, options) ? undefined : `${run.name} ended: ${String(error)}`;
}

function hasReason(run: Run, error: unknown, { plan, history, isOther }: EndingsOptions): boolean {
  if (error instanceof ReplicationConflictError)
    return plan.policy === 'stop' && error.conflicts.every(({ targetKey }) => history.held.isForeignTo(run, targetKey));
  if (!isStoreError(error)) return false;
  if (run.mayBeRefused() && isRefusal(error)) return true;
  const { record } = history;
  switch (error.code) {
    case 'conflict':
      if (error.message.includes('another replicator'))
        return (
          history.wasTakenFrom(run) ||
          (run.writer !== undefined && record !== undefined && record.writer !== run.writer)
        );
      return error.message.includes('is gone') && history.isDisowned && record?.writer !== run.writer;
    case 'history-changed':
      return isOther(run) && !run.acceptsHistory;
    case 'timeout':
      return run.replication === undefined && run.isTroubled && plan.steps.some((step) => DELAYING.includes(step.do));
    default:
      return false;
  }
}
