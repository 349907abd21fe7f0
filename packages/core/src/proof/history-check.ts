import { type Bookmark, isStoreError, type Revision, StoreError, type WatchBatch } from '@holdfast/store';
import { removeAbortListener, toStoreError, whenAborted } from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';
import { matchesFingerprint } from '../table/fingerprint.js';
import { isOtherOrOlder } from '../table/history.js';
import type { FollowContext } from './follow-context.js';
import { endFor, OTHER_HISTORY } from './follow-end.js';
import { load } from '../reads/load.js';
import { readFingerprint, readPastCount, readPastFingerprint } from '../reads/read-fingerprint.js';
import { Watermark } from '../util/watermark.js';
import type { Replay } from './replay.js';

/**
 * Whether the store's history, read back at the table's revision, is the one that the table reflects (M8): the same number of
 * keys, and the same newest entry. Cluster ids alone don't tell: they survive a restore (docs/traps.md#trap-17). To be awaited while the table
 * can't change, or again if it did; `undefined` then.
 */
export async function isSameHistory(runtime: Runtime, signal: AbortSignal): Promise<boolean | undefined> {
  const fingerprint = runtime.table.fingerprint();
  const read = await readPastFingerprint(runtime, signal, fingerprint.revision);
  if (runtime.table.revision !== fingerprint.revision) return undefined;
  return !isOtherOrOlder(read.bookmark, runtime.table.bookmark) && matchesFingerprint(runtime.table, fingerprint, read);
}

/**
 * Whether what the table holds is what the store has, where nobody can tell by the connection: `undefined` if that was not to be
 * found out, since the table changed meanwhile. Where the past can't be read, everything is, as a diff.
 */
export async function isSameContent(follow: FollowContext): Promise<boolean | undefined> {
  if (follow.runtime.store.capabilities.historicalReads) return isSameHistory(follow.runtime, follow.signal);
  // What the watch brings up to what was read is then dropped.
  await load(follow.runtime, { origin: 'unverified', newHistory: false, signal: follow.signal });
  return true;
}

/** Whether the store, as it is now, still has the table's fingerprint: for right after a load, where the past can't be read. */
async function isUnchanged({ runtime, signal }: FollowContext): Promise<boolean> {
  const read = await readFingerprint(runtime, 'the check for changes', signal);
  return runtime.lock.run(async () => {
    if (isOtherOrOlder(read.bookmark, runtime.table.bookmark)) return false;
    if (!matchesFingerprint(runtime.table, runtime.table.fingerprint(), read)) return false;
    runtime.advance(read.bookmark);
    return true;
  });
}

/**
 * Holds back what comes through a newly established watch until the history is proved to be the same: the connection was lost
 * before it, noticed or not, and there may be another server's data behind it. Where the watch began early enough, what it brings
 * once more and the number of keys are the proof, which costs the store little ({@link Replay}); elsewhere a fingerprint is.
 */
export class HistoryCheck {
  readonly #follow: FollowContext;
  readonly #isUnbroken: () => boolean;
  // Without historical reads there is nothing to compare with but everything; right after a load less will do.
  #isFresh: boolean;
  // Whether the watch has a connection that was not lost since it was established. Reads may go over another one, to another history.
  #isConnected = false;
  // What is asked of the history behind the present connection: once that is lost, or there is another one, the answer says nothing any more.
  #asking = new AbortController();
  // What came past this, over a connection that is gone, was not verified, and can't be any more: it must not be taken in.
  #unverifiedAfter: Revision | undefined;
  #pending: Bookmark | undefined;
  #task: Promise<void> | undefined;
  /** Of the watch, while it brings what is known. */
  #replay: Replay | undefined;
  /** 1 once somebody waits for the proof, or it is not to be had over this connection. */
  #urgency = new Watermark();

  /** @param isUnbroken whether the watch has had its connection since before everything that the table holds was read */
  constructor(follow: FollowContext, isUnbroken: () => boolean = () => false) {
    this.#follow = follow;
    this.#isUnbroken = isUnbroken;
    this.#isFresh = !follow.runtime.store.capabilities.historicalReads;
  }

  get isVerified(): boolean {
    return this.#isConnected && this.#pending === undefined;
  }

  /** Another watch is to be established. `replay`: for what it brings of what is known, if it begins early enough. */
  begin(replay: Replay | undefined): void {
    this.#endReplay();
    this.#replay = replay;
  }

  /** The watch follows from `after`: what it delivers past that comes from the new establishment. */
  established(after: Bookmark): void {
    if (this.#unverifiedAfter !== undefined && after.revision > this.#unverifiedAfter) {
      this.#follow.replaceWatch(lostUnverified());
      return;
    }
    this.#disconnect();
    this.#isConnected = true;
    this.#pending = after;
    this.#asking = new AbortController();
    this.#urgency = new Watermark();
    this.applied();
  }

  /** The watch has lost its connection, and will get another one. */
  interrupted(): void {
    // Over another connection it goes on where it was: a part of it may then be of another history.
    if (this.#isConnected) this.#endReplay();
    this.#disconnect();
    this.#unverifiedAfter ??= this.#pending?.revision;
  }

  /** The watch has ended: what it still held will not come, so the table is compared as it is. */
  lost(): void {
    this.#endReplay();
    this.#disconnect();
    this.#unverifiedAfter = undefined;
    if (this.#pending !== undefined) this.#pending = this.#follow.runtime.table.bookmark;
  }

  /** To be called after each step: what was delivered before the loss must be in before the table is compared. */
  applied(): void {
    if (this.#pending !== undefined && this.#follow.runtime.table.revision >= this.#pending.revision) this.#start();
  }

  /** Resolves when the batch may be taken in; `undefined` if it may at once, as nearly all may: then nobody need wait. */
  admit(batch: WatchBatch): Promise<void> | undefined {
    return this.#pending === undefined ? undefined : this.#admitted(batch);
  }

  async #admitted(batch: WatchBatch): Promise<void> {
    this.#replay?.add(batch);
    // Looked at anew each time: a batch that came before the latest loss must get in, for the table to be compared after it.
    while (this.#pending !== undefined && this.#isNew(batch, this.#pending)) {
      this.#follow.signal.throwIfAborted();
      if (!this.#isConnected) {
        this.#follow.replaceWatch(lostUnverified());
        return;
      }
      this.#start();
      await this.#task;
    }
  }

  /**
   * Resolves when nothing is held back any more, or there is no connection; rejects when the following ends.
   *
   * @param graceMs how long the watch may take to bring its part of the proof
   */
  async verified(graceMs?: number): Promise<void> {
    while (this.#pending !== undefined && this.#isConnected) {
      this.#follow.signal.throwIfAborted();
      this.applied();
      if (graceMs !== undefined) await this.#hurry(graceMs);
      if (this.#task !== undefined) await this.#task;
      else if (this.#pending !== undefined)
        await this.#follow.runtime.reaches(this.#pending.revision, RECHECK_MS, this.#follow.signal);
    }
  }

  /** What the table has already is dropped, wherever it comes from. */
  #isNew({ bookmark }: WatchBatch, pending: Bookmark): boolean {
    return bookmark.revision > pending.revision && bookmark.revision > this.#follow.runtime.table.revision;
  }

  async #hurry(graceMs: number): Promise<void> {
    const { runtime, signal } = this.#follow;
    const replay = this.#replay;
    this.#urgency.set(1);
    if (replay === undefined) return;
    const isThere = await runtime.reaches(runtime.table.revision, graceMs, signal, replay.position);
    if (!isThere) replay.giveUp();
  }

  #endReplay(): void {
    this.#replay?.giveUp();
    this.#replay = undefined;
  }

  #disconnect(): void {
    this.#isConnected = false;
    this.#asking.abort(new StoreError('aborted', 'the connection whose history was looked at is lost'));
    // A pause before it is over, too.
    this.#urgency.set(1);
  }

  #start(): void {
    this.#task ??= this.#run().finally(() => {
      this.#task = undefined;
    });
  }

  async #run(): Promise<void> {
    const { runtime, signal } = this.#follow;
    const backoff = runtime.newBackoff();
    while (this.#pending !== undefined && this.#isConnected && !signal.aborted) {
      const { signal: asking } = this.#asking;
      try {
        const same = await this.#isSame();
        this.#isFresh = false;
        if (same === false) {
          this.#follow.end(OTHER_HISTORY);
          return;
        }
        // A loss in the meantime asks for another look.
        if (same === true && !asking.aborted) {
          this.#pending = undefined;
          this.#unverifiedAfter = undefined;
          this.#replay = undefined;
        }
      } catch (error) {
        if (signal.aborted) return;
        // Whatever is established next asks anew.
        if (asking.aborted) continue;
        const cause = toStoreError(error);
        const end = endFor(cause);
        if (end !== undefined) {
          this.#follow.end(end);
          return;
        }
        runtime.noteTrouble(cause);
        await this.#follow.rest(backoff.next());
      }
    }
  }

  async #isSame(): Promise<boolean | undefined> {
    if (this.#isFresh && (await isUnchanged(this.#follow))) return true;
    const { historicalReads } = this.#follow.runtime.store.capabilities;
    const replay = this.#replay;
    if (replay !== undefined) {
      const replayed = await this.#isReplayed(replay);
      if (replayed !== 'untold') return replayed;
    }
    const isUnbroken = this.#isUnbroken();
    // Everything was read while the connection held: there is no other history that it could have come from.
    if (isUnbroken && !historicalReads) return true;
    try {
      if (!historicalReads) return await isSameContent(this.#follow);
      await this.#pause(FINGERPRINT_MS);
      return await this.#ask((asking) => isSameHistory(this.#follow.runtime, asking));
    } catch (error) {
      // What was to be looked at is compacted. That comes of a store that is compacted all the time, and proves nothing else.
      if (isUnbroken && isStoreError(error, 'compacted')) return true;
      throw error;
    }
  }

  /**
   * The proof by the watch. It shows the newest entry, and the count shows what differs in older ones, as the fingerprint would: so it
   * shows at least as much. The count comes first, since it fails at once where the store went back.
   */
  async #isReplayed(replay: Replay): Promise<boolean | 'untold' | undefined> {
    const { runtime, signal } = this.#follow;
    const { table, settings, freshness } = runtime;
    await this.#pause(COUNT_MS);
    const { bookmark, count } = table;
    if (bookmark === undefined) return undefined;
    const read = await this.#ask((asking) => readPastCount(runtime, asking, bookmark.revision));
    if (table.revision !== bookmark.revision) return undefined;
    if (isOtherOrOlder(read.bookmark, bookmark) || read.count !== count) return false;
    const patienceMs = freshness.isRecent
      ? settings.livenessMs / 4
      : Math.min(STALE_PATIENCE_MS, settings.livenessMs / 4);
    if (!(await runtime.reaches(bookmark.revision, patienceMs, signal, replay.position))) replay.giveUp();
    if (table.revision !== bookmark.revision) return undefined;
    const verdict = replay.verdict();
    return verdict === 'untold' ? verdict : verdict === 'same';
  }

  /** Makes a read that is of use only as long as the connection is there. */
  async #ask<T>(read: (asking: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = this.#follow;
    const asking = this.#asking;
    const stop = () => {
      asking.abort(signal.reason);
    };
    whenAborted(signal, stop);
    try {
      return await read(asking.signal);
    } finally {
      removeAbortListener(signal, stop);
    }
  }

  /** Lets a fleet read one after the other (M9), for a time that grows with what each read costs, unless somebody waits. */
  async #pause(msOfAKey: number): Promise<void> {
    const { runtime, signal } = this.#follow;
    const { random, livenessMs } = runtime.settings;
    const ms = random() * Math.min(livenessMs / 6, runtime.table.count * msOfAKey);
    if (ms >= LEAST_PAUSE_MS) await runtime.reaches(1, ms, signal, this.#urgency);
  }
}

const RECHECK_MS = 1_000;
/** How long a mirror that is not live any more waits for what an idle watch brings, in milliseconds. */
const STALE_PATIENCE_MS = 3_000;
/** Thirty times what a server needs for each key of a count, and of a fingerprint, in milliseconds. */
const COUNT_MS = 0.005;
const FINGERPRINT_MS = 0.05;
const LEAST_PAUSE_MS = 1;

function lostUnverified(): StoreError {
  return new StoreError('unavailable', 'the connection was lost before the history behind it was verified');
}
