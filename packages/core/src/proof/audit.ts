import { isStoreError, type Page } from '@holdfast/store';
import { Slicer, toStoreError } from '@holdfast/store/adapter';
import { Intervals } from '../reads/intervals.js';
import { readPages } from '../reads/read-delta.js';
import { readPieces, type UsePiece } from '../reads/read-pieces.js';
import type { FollowContext } from './follow-context.js';
import type { Table } from '../table/table.js';
import { checkKey } from '../util/answers.js';
import { mapFor } from '../util/large-map.js';
import { stopwatch } from '../util/stopwatch.js';

/**
 * Compares everything with the store, in the background (M8): what fingerprints can't tell. The table goes on changing
 * meanwhile; a key that changed after the audit's revision is not compared, since it is newer than what was read.
 */
export async function audit(follow: FollowContext): Promise<void> {
  const { runtime, signal } = follow;
  await follow.verified();
  const passed = stopwatch(runtime.settings.clock);
  try {
    const isEqual = await auditNow(follow);
    runtime.publisher.audit(isEqual ? 'equal' : 'different', passed);
  } catch (error) {
    if (!signal.aborted) runtime.publisher.audit('failed', passed, toStoreError(error));
    throw error;
  }
  signal.throwIfAborted();
}

async function auditNow(follow: FollowContext): Promise<boolean> {
  const { runtime } = follow;
  const deleted = new Set<string>();
  runtime.table.recordDeletions(deleted);
  const { readSteps } = runtime;
  const since: Since = { revision: runtime.table.revision, deleted, wasSkipped: () => runtime.readSteps !== readSteps };
  try {
    if (await isEqual(follow, since)) return true;
    runtime.settings.logger.warn('the audit found a difference; reading everything again', {
      range: runtime.settings.range.toString(),
    });
    // Nothing that the mirror followed can have led here: take nothing about the history for granted.
    follow.end({ reason: 'audit', newHistory: true });
    return false;
  } finally {
    runtime.table.recordDeletions(undefined);
  }
}

/** What has become of the table since the audit began. */
interface Since {
  /** Where it was. */
  readonly revision: number;
  readonly deleted: ReadonlySet<string>;
  /** Whether reads have taken it further: what came and went in between, it never had. */
  readonly wasSkipped: () => boolean;
}

/** Compares at one revision; where that was compacted before all was read, piece by piece, each at a revision of its own. */
async function isEqual(follow: FollowContext, since: Since): Promise<boolean> {
  const { runtime, signal } = follow;
  try {
    return await compare(follow, since, async (use) => {
      const { livenessMs, range } = runtime.settings;
      let isWhole = true;
      const check = await readPages(runtime, 'the audit', livenessMs, signal, {}, async (page) => {
        isWhole = (await use({ page, end: range.end })) !== false;
        return isWhole;
      });
      if (isWhole) check.end(check.seen);
    });
  } catch (error) {
    if (signal.aborted || !isStoreError(error, 'compacted')) throw error;
    return compare(follow, since, (use) => readPieces(runtime, signal, use));
  }
}

async function compare(
  { runtime, signal }: FollowContext,
  since: Since,
  read: (use: UsePiece) => Promise<void>,
): Promise<boolean> {
  const slicer = new Slicer(runtime.settings.clock);
  const intervals = new Intervals();
  let seen: Map<string, true> | undefined;
  let equal = true;
  await read(async (piece) => {
    const { page } = piece;
    const { revision, identity } = page.bookmark;
    intervals.add(piece);
    seen ??= mapFor<true>(page.total);
    if (identity !== runtime.table.bookmark?.identity) equal = false;
    // The proofs bring it there, also where nothing in the range changes.
    if (runtime.table.revision < revision) runtime.wanted.set(runtime.freshness.begin().ticket);
    await runtime.wait('the audit', runtime.settings.livenessMs, signal, (deadline) =>
      runtime.table.position.until(revision, deadline.signal),
    );
    for (let index = 0; index < page.length && equal; index++) {
      const key = page.key(index);
      checkKey(runtime.settings.range, key, page.modRevision(index), page.bookmark);
      seen.set(key, true);
      equal = isKeyEqual(runtime.table, page, index, since);
      if (slicer.isDue()) await slicer.pause();
    }
    return equal;
  });
  return equal && hasNoOthers(runtime.table, seen ?? mapFor(0), intervals, slicer);
}

function isKeyEqual(table: Table, page: Page, index: number, since: Since): boolean {
  const key = page.key(index);
  const known = table.revisionOf(key);
  if (known === undefined)
    return since.deleted.has(key) || (page.modRevision(index) > since.revision && since.wasSkipped());
  if (known > page.bookmark.revision) return true;
  const version = page.version(index);
  return table.holds({
    key,
    value: page.value(index),
    modRevision: page.modRevision(index),
    createRevision: page.createRevision(index),
    ...(version === undefined ? {} : { version }),
  });
}

/** Keys that come meanwhile are newer than what was read. */
async function hasNoOthers(
  table: Table,
  seen: ReadonlyMap<string, true>,
  intervals: Intervals,
  slicer: Slicer,
): Promise<boolean> {
  const isMissing = (key: string, revision: number) => !seen.has(key) && revision <= intervals.revisionAt(key);
  for (const collection of table.collections) {
    for (const [relative, known] of collection.storeRevisions()) {
      if (isMissing(collection.absolute(relative), known)) return false;
      if (slicer.isDue()) await slicer.pause();
    }
  }
  for (const [key, { modRevision }] of table.unclaimed) {
    if (isMissing(key, modRevision)) return false;
    if (slicer.isDue()) await slicer.pause();
  }
  return true;
}
