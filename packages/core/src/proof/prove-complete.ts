import type { Bookmark } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';
import type { FollowContext } from './follow-context.js';
import { matchesFingerprint } from '../table/fingerprint.js';
import type { Mark } from '../runtime/freshness.js';
import { load } from '../reads/load.js';
import { compareWithDelta, type Comparison, patch } from '../table/patch.js';
import { readDelta, readKeys } from '../reads/read-delta.js';
import { readFingerprint } from '../reads/read-fingerprint.js';
import type { Step } from '../table/step.js';
import { isSameContent, isSameHistory } from './history-check.js';

export interface ProveOptions {
  /** How long a change that a read has shown may take to come through the watch, in milliseconds. */
  readonly graceMs: number;
  /** Whether the watch is to be replaced if it does not bring it in that time. */
  readonly blamesWatch: boolean;
  /** Whether a head will do that was read for another mirror, or a little earlier. */
  readonly isShared: boolean;
}

/**
 * Proves that the mirror is complete as of now, or makes it so (M1, M7, M12): reads the store's head R; if events or progress
 * don't bring the mirror to R in a short grace, compares with the store at R or later, and takes over what is different.
 * Fails if a read does; when it returns, there is new evidence, or the following has ended, or it is to be tried again.
 */
export async function prove(follow: FollowContext, options: ProveOptions): Promise<void> {
  const { runtime, signal } = follow;
  await follow.verified();
  const { readSteps } = runtime;
  const read = options.isShared ? await runtime.sharedHead(signal) : undefined;
  const known = runtime.table.bookmark;
  const mark = read?.mark ?? runtime.freshness.begin();
  const head = read?.bookmark ?? (await runtime.readHead(signal));
  if (read === undefined && wentBack(head, known)) {
    follow.end({ reason: 'history-changed', newHistory: true });
    return;
  }
  if (isFarBehind(follow, head) && (await catchUp(follow, head, options))) return;
  if (await runtime.reaches(head.revision, options.graceMs, signal)) await confirm(follow, mark, readSteps);
  else if (canReadDeltas(runtime)) await proveByDelta(follow, { ...options, catchesUp: false });
  else await proveByFingerprint(follow, options);
}

/** A linearizable read that began when the mirror knew of a later revision, or of another history: the store went back (C13, docs/traps.md#trap-7). */
function wentBack(read: Bookmark, known: Bookmark | undefined): boolean {
  return known !== undefined && (read.identity !== known.identity || read.revision < known.revision);
}

/** A delta is only good for something where the history can be proved to be the same. */
function canReadDeltas({ store }: FollowContext['runtime']): boolean {
  return store.capabilities.deltaReads && store.capabilities.historicalReads;
}

/** Whether the watch would take longer to bring what was missed than it takes to read what came of that. */
function isFarBehind({ runtime, isReplaying }: FollowContext, { revision }: Bookmark): boolean {
  return isReplaying && revision - runtime.table.revision > runtime.settings.replayRevisions && canReadDeltas(runtime);
}

/** Does so, unless another proof has done it in the meantime. */
function catchUp(follow: FollowContext, head: Bookmark, options: ProveOptions): Promise<boolean> {
  return follow.runtime.catchUpLock.run(async () => {
    if (!isFarBehind(follow, head)) return false;
    await proveByDelta(follow, { ...options, catchesUp: true });
    return true;
  });
}

/**
 * The table has reached what was read. Without a connection that has held since the history was proved, the read may have been
 * answered by another one, which has got as far: then only the content tells (M8). So it does where the table was taken further by
 * other reads since `readSteps`, which may have been answered by the history before.
 */
async function confirm(follow: FollowContext, mark: Mark, readSteps: number): Promise<void> {
  // It may have been found out on the way that everything is to be read again.
  follow.signal.throwIfAborted();
  // Where the past can't be read that would be everything, each time that two proofs meet.
  const { store, readSteps: now } = follow.runtime;
  if (!follow.isVerified || (now !== readSteps && store.capabilities.historicalReads)) {
    const same = await isSameContent(follow);
    if (same === false) follow.end({ reason: 'history-changed', newHistory: true });
    follow.signal.throwIfAborted();
    if (same !== true) return;
  }
  follow.runtime.prove(mark);
}

async function proveByDelta(
  follow: FollowContext,
  options: ProveOptions & { readonly catchesUp: boolean },
): Promise<void> {
  const { runtime, signal } = follow;
  const mark = runtime.freshness.begin();
  const known = runtime.table.bookmark;
  const reading = readDelta(runtime, signal);
  if (options.catchesUp) await holdEvents(runtime, reading, signal);
  const delta = await reading;
  if (wentBack(delta.bookmark, known)) {
    follow.end({ reason: 'history-changed', newHistory: true });
    return;
  }
  const { kind, readSteps } = await runtime.lock.run(async (): Promise<Comparison & { readSteps: number }> => {
    const comparison = compareWithDelta(runtime.table, delta);
    if (comparison.kind === 'equal' && runtime.freshness.isCurrent(mark)) runtime.advance(delta.bookmark);
    return { ...comparison, readSteps: runtime.readSteps };
  });
  if (kind === 'changed') {
    const isSilent = options.catchesUp ? false : await isWatchSilent(follow, delta.bookmark.revision, options);
    if (isSilent !== undefined) {
      const steps = await installDelta(follow, delta, mark);
      if (steps === undefined) return;
      await confirm(follow, mark, steps);
      if (options.catchesUp) follow.skipReplay();
      if (isSilent) follow.replaceWatch();
      return;
    }
  }
  if (kind === 'mismatch') follow.end({ reason: 'history-changed', newHistory: true });
  else if (kind !== 'outdated') await confirm(follow, mark, readSteps);
}

/** How long events may wait for a read that brings what they bring, in milliseconds. */
const HOLD_MS = 1_000;

/** Lets what the watch brings wait for a read that will have it, unless that takes long: to take it in twice is only work. */
async function holdEvents(runtime: Runtime, reading: Promise<unknown>, signal: AbortSignal): Promise<void> {
  // How it ends is for who awaits the read itself, and it may end before its turn comes here.
  const ended = reading.catch(() => undefined);
  const read = () => runtime.read('the read of changes', HOLD_MS, signal, () => ended);
  await runtime.lock.run(() => read().catch(() => undefined));
}

/**
 * Takes a delta in that was read at the mark. The store may be another by now, with the table's revision in both histories: what
 * another proof has found in it since must not be undone.
 *
 * @returns how many steps were made by reads, this one included; `undefined` where another delta is to be read
 */
async function installDelta(
  follow: FollowContext,
  delta: Awaited<ReturnType<typeof readDelta>>,
  mark: Mark,
): Promise<number | undefined> {
  const { runtime, signal } = follow;
  const isCurrent = () => runtime.freshness.isCurrent(mark);
  return runtime.lock.run(async () => {
    const comparison = compareWithDelta(runtime.table, delta);
    if (comparison.kind === 'covered' || !isCurrent()) return runtime.readSteps;
    if (comparison.kind === 'outdated') return undefined;
    if (comparison.kind === 'mismatch') {
      follow.end({ reason: 'history-changed', newHistory: true });
      return runtime.readSteps;
    }
    const isChanged = comparison.kind === 'changed';
    const present = isChanged && comparison.deletions ? await readKeys(runtime, delta.bookmark, signal) : undefined;
    // Asked after the delta was read: whatever answered that is then known to continue the mirror's history (M8).
    const confirmed = isSameHistory(follow).then((same) => same === true);
    confirmed.catch(() => undefined);
    const from = runtime.table.bookmark;
    const now = () => runtime.settings.clock.now();
    const tell = (each: Step) => {
      runtime.publish(each, 'resync');
    };
    // The values are decoded while that is on its way.
    const step = isChanged
      ? await patch(runtime.table, delta, present, now, { signal, confirmed, isCurrent, tell })
      : undefined;
    if (!(await confirmed)) {
      follow.end({ reason: 'history-changed', newHistory: true });
      return runtime.readSteps;
    }
    if (!isChanged && isCurrent()) runtime.advance(delta.bookmark);
    const { readSteps } = runtime;
    if (step !== undefined) runtime.publishResync('behind', from, step.changed);
    await runtime.table.tidy();
    return readSteps;
  });
}

/** For backends that can't read what changed since a revision: the newest entry and the count, and else everything. */
async function proveByFingerprint(follow: FollowContext, options: ProveOptions): Promise<void> {
  const { runtime, signal } = follow;
  const mark = runtime.freshness.begin();
  const known = runtime.table.bookmark;
  const read = await readFingerprint(runtime, 'the check for changes', signal);
  if (wentBack(read.bookmark, known)) {
    follow.end({ reason: 'history-changed', newHistory: true });
    return;
  }
  const isEqual = await runtime.lock.run(async () => {
    if (read.bookmark.revision <= runtime.table.revision || !runtime.freshness.isCurrent(mark)) return true;
    const equal = matchesFingerprint(runtime.table, runtime.table.fingerprint(), read);
    if (equal) runtime.advance(read.bookmark);
    return equal;
  });
  let { readSteps } = runtime;
  const isSilent = isEqual ? undefined : await isWatchSilent(follow, read.bookmark.revision, options);
  if (isSilent !== undefined) {
    const from = runtime.table.bookmark;
    const { changed } = await load(runtime, { cause: 'resync', newHistory: false, signal });
    ({ readSteps } = runtime);
    runtime.publishResync('behind', from, changed);
  }
  await confirm(follow, mark, readSteps);
  if (isSilent === true) follow.replaceWatch();
}

/**
 * Something is different at `revision`: gives the watch its grace to bring it. `undefined`: it did. Otherwise the difference
 * must be read, and `true` says that the watch is to blame: it claims to be following.
 */
async function isWatchSilent(
  { runtime, signal, isWatchLive }: FollowContext,
  revision: number,
  { graceMs, blamesWatch }: ProveOptions,
): Promise<boolean | undefined> {
  if (!blamesWatch) return false;
  if (await runtime.reaches(revision, graceMs, signal)) return undefined;
  if (!isWatchLive) return false;
  runtime.state.handle({ type: 'stale', reason: 'watch-silent' });
  return true;
}
