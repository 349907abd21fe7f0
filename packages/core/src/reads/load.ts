import type { Page } from '@holdfast/store';
import type { ChangeCause } from '../events/change.js';
import type { Mark } from '../runtime/freshness.js';
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
export async function load(core: Core, options: LoadOptions): Promise<Step> {
  const mark = core.evidence.begin();
  const { range } = core.settings;
  return install(core, options, mark, (add) =>
    core.read('the scan', PAGE_TIMEOUT_MS, options.signal, async (deadline) => {
      for await (const page of core.store.scan(range.toRange(), { signal: deadline.signal })) {
        deadline.extend();
        await add(page);
        deadline.signal.throwIfAborted();
      }
    }),
  );
}

/**
 * Installs the pages of a whole state as one step.
 *
 * @param mark everything that was committed before is in them
 */
export async function install(
  core: Core,
  { cause, newHistory, signal }: LoadOptions,
  mark: Mark,
  readPages: (add: (page: Page) => Promise<void>) => Promise<void>,
): Promise<Step> {
  const step = await core.lock.run(async () => {
    const { clock } = core.settings;
    const slicer = new Slicer(clock);
    const restoration = new Restoration(core.table, {
      newHistory,
      // Who subscribes in the middle of a resync must get all of it; in the middle of a load, nobody can.
      collect: cause === 'resync' || core.isHeard,
      now: () => clock.now(),
    });
    await readPages((page) => restoration.add(page, slicer));
    await restoration.finish(slicer);
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
