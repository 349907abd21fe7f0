import type { Bookmark, Page } from '@holdfast/store';
import { type Deadline, Slicer } from '@holdfast/store/adapter';
import type { Mark } from '../runtime/freshness.js';
import type { Runtime } from '../runtime/runtime.js';
import { checkContinues } from '../table/history.js';
import { Restore } from '../table/restore.js';
import { ConsiderateRead } from './considerate-read.js';
import { inTurn } from './take-turn.js';
import { timedPages } from './timed-pages.js';
import { NO_CHANGE, type StepOrigin } from '../events/step.js';

/** The longest that the store may take for a page, in milliseconds: a scan as a whole takes as long as it takes. */
export const PAGE_TIMEOUT_MS = 15_000;

export interface LoadOptions {
  /** What the load is for: the first one, or why everything is read again. */
  readonly origin: Exclude<StepOrigin, 'watch'>;
  readonly newHistory: boolean;
  /** What a saved copy of an empty table knows: what does not continue it is not taken in. */
  readonly after?: Bookmark | undefined;
  /** Tells what the saved copy has of the keys that were read. */
  readonly recall?: ((restore: Restore, slicer: Slicer) => Promise<void>) | undefined;
  readonly signal: AbortSignal;
}

/**
 * Reads the whole range at one revision, and installs it as one step (M2, M3); unless a read that began later has proved more. Only a few
 * mirrors of a store do so at a time.
 */
export async function load(runtime: Runtime, options: LoadOptions): Promise<void> {
  await inTurn(runtime, options.signal, () => loadNow(runtime, options));
}

async function loadNow(runtime: Runtime, options: LoadOptions): Promise<void> {
  const mark = runtime.freshness.begin();
  const { range } = runtime.settings;
  await install(runtime, options, mark, async (add) => {
    // Not before the lock is held: a wait for that says nothing of the server.
    const reading = new ConsiderateRead(runtime);
    const read = async (deadline: Deadline) => {
      const { signal } = deadline;
      for await (const page of timedPages(runtime.store.scan(range.toRange(), { signal }), deadline)) {
        if (page.more) runtime.reachability.goesOn();
        await reading.came(page, signal);
        await add(page);
      }
    };
    await reading.run(() => runtime.read('the scan', PAGE_TIMEOUT_MS, options.signal, read));
  });
}

/**
 * Installs the pages of a whole state as one step.
 *
 * @param mark everything that was committed before is in them
 */
export async function install(
  runtime: Runtime,
  { origin, newHistory, after, recall, signal }: LoadOptions,
  mark: Mark,
  readPages: (add: (page: Page) => Promise<void>) => Promise<void>,
): Promise<void> {
  await runtime.change(origin, async (tell) => {
    const slicer = new Slicer(runtime.settings.clock);
    const restore = new Restore(runtime.table, {
      newHistory,
      // Who subscribes in the middle of a resync must get all of it; in the middle of a load, nobody can.
      collect: origin !== 'load' || runtime.outlets.isHeard,
    });
    await readPages((page) => {
      checkContinues(page.bookmark, after);
      return restore.add(page, slicer);
    });
    await recall?.(restore, slicer);
    await restore.finish(slicer);
    signal.throwIfAborted();
    tell(runtime.freshness.isCurrent(mark) ? restore.commit() : NO_CHANGE);
  });
  runtime.prove(mark);
}
