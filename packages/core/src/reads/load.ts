import type { Page } from '@holdfast/store';
import type { ChangeCause } from '../events/change.js';
import type { Mark } from '../runtime/freshness.js';
import type { Runtime } from '../runtime/runtime.js';
import { Restore } from '../table/restore.js';
import { Slicer } from '../util/slicer.js';
import type { Step } from '../events/step.js';

/** Between two pages, in milliseconds: a scan as a whole takes as long as it takes. */
export const PAGE_TIMEOUT_MS = 15_000;

export interface LoadOptions {
  readonly cause: Extract<ChangeCause, 'load' | 'resync'>;
  readonly newHistory: boolean;
  readonly signal: AbortSignal;
}

const NOTHING: Step = { changes: [], changed: 0, invalid: [] };

/** Reads the whole range at one revision, and installs it as one step (M2, M3); unless a read that began later has proved more. */
export async function load(runtime: Runtime, options: LoadOptions): Promise<Step> {
  const mark = runtime.freshness.begin();
  const { range } = runtime.settings;
  return install(runtime, options, mark, (add) =>
    runtime.read('the scan', PAGE_TIMEOUT_MS, options.signal, async (deadline) => {
      for await (const page of runtime.store.scan(range.toRange(), { signal: deadline.signal })) {
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
  runtime: Runtime,
  { cause, newHistory, signal }: LoadOptions,
  mark: Mark,
  readPages: (add: (page: Page) => Promise<void>) => Promise<void>,
): Promise<Step> {
  const step = await runtime.lock.run(async () => {
    const { clock } = runtime.settings;
    const slicer = new Slicer(clock);
    const restore = new Restore(runtime.table, {
      newHistory,
      // Who subscribes in the middle of a resync must get all of it; in the middle of a load, nobody can.
      collect: cause === 'resync' || runtime.outlets.isHeard,
    });
    await readPages((page) => restore.add(page, slicer));
    await restore.finish(slicer);
    signal.throwIfAborted();
    if (!runtime.freshness.isCurrent(mark)) return NOTHING;
    const committed = restore.commit();
    runtime.publish(committed, cause);
    if (cause === 'resync') await runtime.table.tidy();
    return committed;
  });
  runtime.prove(mark);
  return step;
}
