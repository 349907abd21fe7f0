import type { ChangeCause } from '../events/change.js';
import type { Core } from '../runtime/runtime.js';
import { Restoration } from '../table/restore.js';
import { Slicer } from '../util/slicer.js';
import type { Step } from '../table/step.js';

/** Between two pages, in milliseconds: a scan as a whole takes as long as it takes. */
export const PAGE_TIMEOUT_MS = 15_000;

export interface LoadOptions {
  readonly cause: Extract<ChangeCause, 'load' | 'resync'>;
  readonly newHistory: boolean;
  readonly signal: AbortSignal;
}

const NOTHING: Step = { changes: [], changed: 0, invalid: [] };

/** Reads the whole range at one revision, and installs it as one step (M2, M3); unless a read that began later has proved more. */
export async function load(core: Core, { cause, newHistory, signal }: LoadOptions): Promise<Step> {
  const mark = core.evidence.begin();
  const step = await core.lock.run(async () => {
    const { clock } = core.settings;
    const slicer = new Slicer(clock);
    const restoration = new Restoration(core.table, {
      newHistory,
      // Who subscribes in the middle of a resync must get all of it; in the middle of a load, nobody can.
      collect: cause === 'resync' || core.isHeard,
      now: () => clock.now(),
    });
    await core.read('the scan', PAGE_TIMEOUT_MS, signal, async (deadline) => {
      for await (const page of core.store.scan(core.settings.range.toRange(), { signal: deadline.signal })) {
        deadline.extend();
        await restoration.add(page, slicer);
        deadline.signal.throwIfAborted();
      }
      await restoration.finish(slicer);
    });
    signal.throwIfAborted();
    if (!core.evidence.isCurrent(mark)) return NOTHING;
    const committed = restoration.commit();
    core.publish(committed, cause);
    if (cause === 'resync') await core.table.tidy();
    return committed;
  });
  core.prove(mark);
  return step;
}
