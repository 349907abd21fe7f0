import type { FollowContext } from './follow-context.js';
import { isVerifiedWithin } from './await-verified.js';
import { OTHER_HISTORY } from './follow-end.js';
import { matchesFingerprint } from '../table/fingerprint.js';
import { isOtherOrOlder } from '../table/history.js';
import type { Mark } from '../runtime/freshness.js';
import { load } from '../reads/load.js';
import { compareWithDelta, type Comparison, patch } from '../table/patch.js';
import { readDelta, readKeys } from '../reads/read-delta.js';
import { readFingerprint } from '../reads/read-fingerprint.js';
import { readHead, readSharedHead } from '../reads/read-head.js';
import { isSameContent, isSameHistory } from './history-check.js';
import { mostReplayed } from './replay-start.js';

export interface ProveOptions {
  /** How long the watch may take to deliver a change that a read has shown, in milliseconds. */
  readonly graceMs: number;
  /** Whether to replace the watch if it does not deliver the change in that time. */
  readonly blamesWatch: boolean;
  /** Whether a recent head that was read for another mirror is enough. */
  readonly isShared: boolean;
}

/**
 * Proves that the mirror is complete as of now, or makes it so (M1, M7, M12). It reads the store's head R. If events or progress don't
 * bring the mirror to R within a short grace, it compares the mirror with the store at R or later, and applies the differences. It fails
 * if a read fails. When it returns, there is a new proof, or following has ended, or the caller must try again.
 */
export async function prove(follow: FollowContext, options: ProveOptions): Promise<void> {
  const { runtime, signal } = follow;
  const { store } = runtime;
  await (options.isShared ? verifiedSoon(follow) : follow.verified(options.graceMs));
  const { readSteps } = runtime;
  const { isVerified } = follow;
  const read = options.isShared ? await readSharedHead(runtime, signal) : undefined;
  const known = runtime.table.bookmark;
  const mark = read?.mark ?? runtime.freshness.begin();
  const head = read?.bookmark ?? (await readHead(runtime, signal));
  if (read === undefined && isOtherOrOlder(head, known)) {
    follow.end(OTHER_HISTORY);
    return;
  }
  // If the connection was lost meanwhile, everything would have to be compared: it is cheaper to wait for the watch, and for another head.
  const isOtherwise = isVerified !== follow.isVerified && store.capabilities.historicalReads;
  if (options.isShared && isOtherwise) return;
  const { revision } = head;
  if (isFarBehind(follow, revision)) await catchUp(follow, revision);
  else if (await isBrought(follow, revision, options)) await confirm(follow, mark, readSteps);
  // The watch may only now have a connection again, and be found to be far behind.
  else if (isFarBehind(follow, revision)) await catchUp(follow, revision);
  else if (canReadDeltas(runtime)) await proveByDelta(follow, options);
  else await proveByFingerprint(follow, options);
}

/**
 * Waits for a watch whose history is proved; without one everything must be compared. So not for long where no watch has a connection,
 * but as long as a check takes that is under way: the store would be asked once more for the same, and it is slow.
 */
async function verifiedSoon(follow: FollowContext): Promise<void> {
  const { store, settings } = follow.runtime;
  await follow.verified();
  if (follow.isVerified || !store.capabilities.historicalReads) return;
  if (!(await isVerifiedWithin(follow, settings.livenessMs / 6))) await follow.verified();
}

/** How often a watch that goes on bringing something gets the grace at least. */
const LEAST_GRACES = 3;

/**
 * Whether the watch brings the mirror to a revision: it gets the grace once more as long as it goes on bringing something. Counted, and not
 * timed: in a process that is kept from its work a time would be over before what has come was taken in.
 */
async function isBrought(
  { runtime, signal }: FollowContext,
  revision: number,
  { graceMs }: ProveOptions,
): Promise<boolean> {
  const graces = Math.max(LEAST_GRACES, Math.ceil(runtime.settings.livenessMs / 6 / graceMs));
  for (let left = graces; left > 0; left -= 1) {
    const before = runtime.table.revision;
    if (await runtime.reaches(revision, graceMs, signal)) return true;
    if (runtime.table.revision === before) return false;
  }
  return false;
}

/** A delta is only good for something where the history can be proved to be the same. */
function canReadDeltas({ store }: FollowContext['runtime']): boolean {
  return store.capabilities.deltaReads && store.capabilities.historicalReads;
}

/**
 * Whether the watch would take longer to bring what was missed than it takes to read what came of that. What was written since it was
 * established was not missed: a busy store makes many revisions of other keys while a slow mirror takes its own in.
 */
function isFarBehind(follow: FollowContext, head: number): boolean {
  const { runtime, isReplaying, missed } = follow;
  const revisions = missed.upTo(head) - runtime.table.revision;
  const isFar = revisions > mostReplayed(runtime, runtime.table.count);
  return isReplaying && missed.mayBeRead && isFar && canReadDeltas(runtime);
}

/**
 * Reads what was missed where that is far more than the watch should bring, by a look at the head.
 *
 * @returns whether it was
 */
export async function catchUpIfFar(follow: FollowContext): Promise<boolean> {
  const head = follow.missed.toldHead ?? (await anyHead(follow));
  if (!isFarBehind(follow, head)) return false;
  await catchUp(follow, head);
  return true;
}

async function anyHead({ runtime, signal }: FollowContext): Promise<number> {
  const { bookmark } = (await readSharedHead(runtime, signal)) ?? { bookmark: await readHead(runtime, signal) };
  return bookmark.revision;
}

/**
 * Reads the missed changes in place of the watch, unless that is done by another proof meanwhile. Then there is another watch: when that has
 * proved the history, the read counts as a proof.
 */
async function catchUp(follow: FollowContext, head: number): Promise<void> {
  const { runtime } = follow;
  const mark = runtime.freshness.begin();
  const readSteps = await runtime.catchUpLock.run(async () => {
    if (!isFarBehind(follow, head)) return undefined;
    const reading = readMissed(follow, mark);
    follow.skipReplay(reading);
    return reading;
  });
  const isVerified = await isVerifiedWithin(follow, runtime.settings.livenessMs / 6);
  if (isVerified && readSteps !== undefined) await confirm(follow, mark, readSteps);
}

/** Gives the number of steps made by reads, including this one; `undefined` if nothing was read that counts. */
async function readMissed(follow: FollowContext, mark: Mark): Promise<number | undefined> {
  const { runtime, signal } = follow;
  const known = runtime.table.bookmark;
  // There is time for it: nothing else is to be had.
  const delta = await readDelta(runtime, signal, runtime.settings.livenessMs);
  if (!isOtherOrOlder(delta.bookmark, known)) return installDelta(follow, delta, mark);
  follow.end(OTHER_HISTORY);
  return undefined;
}

/**
 * Records the proof once the table has reached the revision that was read. If the connection on which the history was proved is gone,
 * a store with another history may have answered the read: then only a comparison of contents counts (M8). The same holds if other
 * reads have moved the table since `readSteps`, because the previous history may have answered those.
 */
async function confirm(follow: FollowContext, mark: Mark, readSteps: number): Promise<void> {
  // A check on the way may have shown that everything must be read again.
  follow.signal.throwIfAborted();
  // Where the past can't be read that would be everything, each time that two proofs meet.
  const { store, readSteps: now } = follow.runtime;
  if (!follow.isVerified || (now !== readSteps && store.capabilities.historicalReads)) {
    const same = await isSameContent(follow);
    if (same === false) follow.end(OTHER_HISTORY);
    follow.signal.throwIfAborted();
    if (same !== true) return;
  }
  follow.runtime.prove(mark);
}

async function proveByDelta(follow: FollowContext, options: ProveOptions): Promise<void> {
  const { runtime, signal } = follow;
  const mark = runtime.freshness.begin();
  const known = runtime.table.bookmark;
  const delta = await readDelta(runtime, signal);
  if (isOtherOrOlder(delta.bookmark, known)) {
    follow.end(OTHER_HISTORY);
    return;
  }
  const { kind, readSteps } = await runtime.lock.run(async (): Promise<Comparison & { readSteps: number }> => {
    const comparison = compareWithDelta(runtime.table, delta);
    if (comparison.kind === 'equal' && runtime.freshness.isCurrent(mark)) runtime.advance(delta.bookmark);
    return { ...comparison, readSteps: runtime.readSteps };
  });
  if (kind === 'changed') {
    const isSilent = await isWatchSilent(follow, delta.bookmark.revision, options);
    if (isSilent !== undefined) {
      const steps = await installDelta(follow, delta, mark);
      if (steps === undefined) return;
      await confirm(follow, mark, steps);
      if (isSilent) follow.replaceWatch();
      return;
    }
  }
  if (kind === 'mismatch') follow.end(OTHER_HISTORY);
  else if (kind !== 'outdated') await confirm(follow, mark, readSteps);
}

/**
 * Applies a delta that was read at the mark. The store may meanwhile have been replaced by one whose history also has the table's
 * revision: then the results of a later proof must not be undone.
 *
 * @returns the number of steps made by reads, including this one; `undefined` if another delta must be read
 */
async function installDelta(
  follow: FollowContext,
  delta: Awaited<ReturnType<typeof readDelta>>,
  mark: Mark,
): Promise<number | undefined> {
  const { runtime, signal } = follow;
  const isCurrent = () => runtime.freshness.isCurrent(mark);
  return runtime.change('behind', async (tell) => {
    const comparison = compareWithDelta(runtime.table, delta);
    if (comparison.kind === 'covered' || !isCurrent()) return runtime.readSteps;
    if (comparison.kind === 'outdated') return undefined;
    if (comparison.kind === 'mismatch') {
      follow.end(OTHER_HISTORY);
      return runtime.readSteps;
    }
    const isChanged = comparison.kind === 'changed';
    const present = isChanged && comparison.deletions ? await readKeys(runtime, delta.bookmark, signal) : undefined;
    // Asked after the delta was read: whatever answered that is then known to continue the mirror's history (M8).
    const confirmed = isSameHistory(follow.runtime, follow.signal).then((same) => same === true);
    confirmed.catch(() => undefined);
    // Values are decoded while the check runs.
    if (isChanged) await patch(runtime.table, delta, present, { signal, confirmed, isCurrent, tell });
    if (!(await confirmed)) {
      follow.end(OTHER_HISTORY);
      return runtime.readSteps;
    }
    if (!isChanged && isCurrent()) runtime.advance(delta.bookmark);
    return runtime.readSteps;
  });
}

/** The proof for backends without delta reads: compares the newest entry and the count, and reads everything if they differ. */
async function proveByFingerprint(follow: FollowContext, options: ProveOptions): Promise<void> {
  const { runtime, signal } = follow;
  const mark = runtime.freshness.begin();
  const known = runtime.table.bookmark;
  const read = await readFingerprint(runtime, 'the check for changes', signal);
  if (isOtherOrOlder(read.bookmark, known)) {
    follow.end(OTHER_HISTORY);
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
    await load(runtime, { origin: 'behind', newHistory: false, signal });
    ({ readSteps } = runtime);
  }
  await confirm(follow, mark, readSteps);
  if (isSilent === true) follow.replaceWatch();
}

/**
 * Something differs at `revision`: waits the grace for the watch to deliver it. `undefined` if it does. Otherwise the difference must
 * be read; `true` if the watch is to blame, because it claims to follow.
 */
async function isWatchSilent(
  follow: FollowContext,
  revision: number,
  { graceMs, blamesWatch }: ProveOptions,
): Promise<boolean | undefined> {
  const { runtime, signal } = follow;
  if (!blamesWatch) return false;
  const before = runtime.table.revision;
  if (await runtime.reaches(revision, graceMs, signal)) return undefined;
  // One that is slow will do.
  if (!follow.isWatchLive || runtime.table.revision > before) return false;
  runtime.state.handle({ type: 'stale', reason: 'watch-silent', connection: runtime.reachability.current });
  return true;
}
