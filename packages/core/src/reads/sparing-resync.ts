import type { Bookmark, KeyValue, Page } from '@holdfast/store';
import { Slicer } from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';
import type { ScanCheck } from '../util/answers.js';
import { ConsiderateRead } from './considerate-read.js';
import { estimateChanged } from './estimate-changed.js';
import { PAGE_TIMEOUT_MS } from './load.js';
import { checkContinues } from '../table/history.js';
import { patch } from '../table/patch.js';
import { readPages } from './read-delta.js';
import { readValues } from './read-values.js';
import { inTurn } from './take-turn.js';
import { RevisionDiff } from '../table/revision-diff.js';
import type { ResyncReason } from '../events/state.js';
import { NO_CHANGE } from '../events/step.js';

/** Where more than this part of the keys was changed, reading all of it costs little more than reading that. */
const MOST_CHANGED = 1 / 4;
/** Where so much of a sample was changed, that is likely: a look at all keys would be for nothing. */
const TELLING_CHANGED = 1 / 5;

/** Whether a resync can spare the values of what is unchanged, and gains by it. */
export function canSpareValues({ table, store, settings }: Runtime): boolean {
  const { deltaReads, historicalReads, versions } = store.capabilities;
  return deltaReads && historicalReads && versions && table.count > settings.fullResyncKeys;
}

/**
 * Brings the mirror to the store's head after a compaction, as one step (M3): reads all keys with their revisions at one revision,
 * the values of those alone that changed since, and of the newest that did not.
 *
 * @returns false where what was read can't have come of what the mirror has, or much of it has changed: all is to be read then
 * @throws StoreError `history-changed` where the store answers from another history, or is behind the mirror
 */
export function resync(runtime: Runtime, reason: ResyncReason, signal: AbortSignal): Promise<boolean> {
  return inTurn(runtime, signal, () => resyncNow(runtime, reason, signal));
}

async function resyncNow(runtime: Runtime, reason: ResyncReason, signal: AbortSignal): Promise<boolean> {
  const mark = runtime.freshness.begin();
  const isDone = await runtime.change(reason, async (tell) => {
    if ((await estimateChanged(runtime, signal)) >= TELLING_CHANGED) return false;
    const reading = new ConsiderateRead(runtime);
    const read = await reading.run(() => readDifference(runtime, reading, signal));
    if (read === undefined) return false;
    const { diff, bookmark, items } = read;
    const present = diff.hasDeletions ? await diff.keys(new Slicer(runtime.settings.clock)) : undefined;
    signal.throwIfAborted();
    const delta = { bookmark, items, undecodable: diff.undecodable };
    const step = await patch(runtime.table, delta, present, { signal, tell });
    if (step === undefined) tell(NO_CHANGE);
    return true;
  });
  if (isDone) runtime.prove(mark);
  return isDone;
}

interface Difference {
  readonly diff: RevisionDiff;
  readonly bookmark: Bookmark;
  readonly items: readonly KeyValue[];
}

/** `undefined`: all is to be read instead. */
async function readDifference(
  runtime: Runtime,
  reading: ConsiderateRead,
  signal: AbortSignal,
): Promise<Difference | undefined> {
  const { table, settings } = runtime;
  const diff = new RevisionDiff(table);
  const slicer = new Slicer(settings.clock);
  let bookmark: Bookmark | undefined;
  let follows = true;
  let isWorthIt = true;
  const use = async (page: Page, each: ScanCheck, own: AbortSignal) => {
    bookmark ??= page.bookmark;
    checkContinues(bookmark, table.bookmark);
    await reading.came(page, own);
    follows = await diff.add(page, slicer, each);
    isWorthIt = !isMuchChanged(diff, table.count, page.total);
    return follows && isWorthIt;
  };
  const options = { keysOnly: true };
  const check = await readPages(runtime, 'the read of revisions', PAGE_TIMEOUT_MS, signal, options, use);
  if (bookmark === undefined || !follows || !isWorthIt) return undefined;
  check.end(check.seen);
  // Nothing can have gone since the mirror's revision at that revision: it is of another history, which has got as far.
  if (diff.hasDeletions && bookmark.revision === table.revision) return undefined;
  const items = await readValues(runtime, diff, bookmark.revision, PAGE_TIMEOUT_MS, signal);
  return diff.isConfirmedBy(items) ? { diff, bookmark, items } : undefined;
}

/** Whether so much is changed, of that what is new, that the other keys need not be looked at. */
function isMuchChanged({ changed }: RevisionDiff, known: number, present: number): boolean {
  return Math.max(changed.size, present - known) > Math.max(known, present) * MOST_CHANGED;
}
