import { isStoreError } from '@holdfast/store';
import type { Truth } from '../truth/truth.js';
import type { Host } from './host.js';
import { mappedAt } from './mapping.js';
import type { ReplicationPlan } from './plan.js';
import type { TargetHistory } from './target-history.js';

export interface SyncsOptions {
  readonly plan: ReplicationPlan;
  readonly source: Truth;
  readonly history: TargetHistory;
  readonly stats: { syncs: number };
  readonly violated: (guarantee: string, message: string) => void;
}

/** Calls `sync()`. What the source had at the call must be in the target then. */
export async function checkedSync(host: Host, options: SyncsOptions): Promise<boolean> {
  const { plan, source, history, stats, violated } = options;
  const { replication, run } = host;
  if (replication === undefined || run === undefined) return false;
  const epoch = source.current;
  const from = epoch.head;
  try {
    await replication.sync();
  } catch (error) {
    if (!isStoreError(error)) violated('sync', `sync() of ${run.name} failed: ${String(error)}`);
    return false;
  }
  if (source.current !== epoch || run.isLeft) return true;
  history.judge();
  stats.syncs += 1;
  const conflicts = new Set(replication.conflicts().map(({ targetKey }) => targetKey));
  const states = epoch.commits
    .filter(({ revision }) => revision > from)
    .map(({ revision }) => mappedAt(plan, epoch, revision));
  states.push(mappedAt(plan, epoch, from));
  for (const key of new Set([...states.flatMap((state) => [...state.keys()]), ...history.keys])) {
    if (history.held.isOthers(key) || conflicts.has(key)) continue;
    const text = history.held.get(key)?.text;
    if (states.some((state) => state.get(key) === text)) continue;
    violated(
      'sync',
      `${key} is ${text ?? 'not there'} after sync() of ${run.name}; the source had ${states.at(-1)?.get(key) ?? 'none'}`,
    );
  }
  return true;
}
