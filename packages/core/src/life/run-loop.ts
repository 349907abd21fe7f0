import { type Bookmark, isStoreError, type StoreError } from '@holdfast/store';
import { type Backoff, sleep, toStoreError } from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';
import { cannotHeal, isStoreClosed } from '../runtime/errors.js';
import { confirmOther } from './confirm-other.js';
import { continuesSaved } from './continues-saved.js';
import { Follow } from './follow.js';
import { isSameHistory } from '../proof/history-check.js';
import { type FollowEnd, OTHER_HISTORY, unverified } from '../proof/follow-end.js';
import { LateReads } from './late-reads.js';
import { Loader } from './loader.js';
import { loadsInTime, showCopy } from './warm-start.js';
import { awaitQuick } from '../reads/await-quick.js';
import { hasCheapHead, readHead } from '../reads/read-head.js';
import { canSpareValues, resync } from '../reads/sparing-resync.js';
import { checkContinues, isOtherOrOlder } from '../table/history.js';
import { stopwatch } from '../util/stopwatch.js';

/** How many times as much as a page an attempt is taken for that is made again. */
const RETRY_SHARE = 8;

/** The life of a mirror: load, then follow until that is not possible any more, read again, and follow on. */
export class RunLoop {
  readonly #runtime: Runtime;
  readonly #backoff: Backoff;
  readonly #loader: Loader;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#backoff = runtime.newBackoff();
    this.#loader = new Loader(runtime);
  }

  /**
   * Runs until the mirror closes, and closes it where the store can't ever serve it again.
   *
   * @param onLoaded called once there is something to show
   */
  async run(onLoaded: () => void): Promise<void> {
    const runtime = this.#runtime;
    try {
      if (!(await this.#starts(onLoaded))) {
        await this.#load();
        onLoaded();
      }
      while (!runtime.signal.aborted) await this.#resync(await this.#confirmed(await this.#follow()));
    } catch (error) {
      if (!runtime.signal.aborted) runtime.close(toStoreError(error));
    } finally {
      await this.#loader.close();
      await runtime.copy?.close();
    }
  }

  /** Starts with a saved copy, if there is one: by the store if that is quick, else by the copy. Returns whether there is something to show. */
  async #starts(onLoaded: () => void): Promise<boolean> {
    const runtime = this.#runtime;
    const { copy } = runtime;
    if (copy === undefined) return false;
    copy.continues = (there) => continuesSaved(runtime, there);
    const saved = await copy.read();
    if (saved === undefined) return false;
    copy.assume(saved);
    if (await loadsInTime(runtime, this.#loader, saved, this.#backoff)) {
      runtime.started();
      runtime.state.handle({ type: 'installed', isRecent: runtime.freshness.isRecent });
      onLoaded();
      return true;
    }
    if (!(await showCopy(runtime, saved))) return false;
    onLoaded();
    await this.#meet(saved.point.bookmark);
    return true;
  }

  /**
   * While a saved copy is shown: until the store answers, and either continues the copy or is certain not to. Where the past can be read, a
   * following can go on from the copy, and its history is checked there; elsewhere everything is read.
   */
  async #meet(known: Bookmark): Promise<void> {
    const runtime = this.#runtime;
    const canResume = runtime.store.capabilities.historicalReads;
    for (;;) {
      let other: StoreError | undefined;
      await this.#untilDone(isStoreClosed, async () => {
        try {
          if (canResume) checkContinues(await readHead(runtime, runtime.signal), known);
          else await this.#loader.load({ origin: 'unverified', newHistory: false, signal: runtime.signal });
        } catch (error) {
          if (!isStoreError(error, 'history-changed')) throw error;
          runtime.noteTrouble((other = error));
        }
      });
      this.#backoff.reset();
      if (other === undefined) {
        if (!canResume) runtime.state.handle({ type: 'installed', isRecent: runtime.freshness.isRecent });
        return;
      }
      if ((await confirmOther(runtime, known)) === 'same') continue;
      await this.#resync({ ...OTHER_HISTORY, cause: other });
      return;
    }
  }

  /** While a saved copy is shown, another history must be certain. */
  async #confirmed(end: FollowEnd): Promise<FollowEnd> {
    const { showsCopy, table } = this.#runtime;
    if (!showsCopy || table.bookmark === undefined || !end.newHistory) return end;
    for (;;) {
      if ((await confirmOther(this.#runtime, table.bookmark)) === 'other') return end;
      const newHistory = await this.#isComparedOther();
      if (newHistory !== undefined) return { ...end, newHistory };
      await this.#pause();
    }
  }

  /**
   * Whether the past of the store is certain to be another one than the table's: a store that is ahead may be of another history too. `undefined`
   * where it is not ahead any more.
   */
  async #isComparedOther(): Promise<boolean | undefined> {
    const runtime = this.#runtime;
    let isOther: boolean | undefined = false;
    if (!runtime.store.capabilities.historicalReads) return false;
    await this.#untilDone(isStoreClosed, async () => {
      isOther = await isSameHistory(runtime, runtime.signal).then(
        (same) => same === false,
        (error: unknown) => {
          // What can't be read any more tells nothing.
          if (isStoreError(error, 'compacted')) return false;
          if (isStoreError(error, 'future-revision')) return undefined;
          throw error;
        },
      );
    });
    return isOther;
  }

  async #load(): Promise<void> {
    const runtime = this.#runtime;
    await this.#untilDone(cannotHeal, async () => {
      await this.#loader.load({ origin: 'load', newHistory: false, signal: runtime.signal });
    });
    runtime.started();
    runtime.state.handle({ type: 'installed', isRecent: runtime.freshness.isRecent });
    this.#backoff.reset();
  }

  /** Once loaded, a mirror ends with its store and no sooner: any other failure, however unexpected, has everything read again. */
  async #follow(): Promise<FollowEnd> {
    const runtime = this.#runtime;
    const watch = this.#loader.takeWatch();
    const follow = new Follow(runtime, this.#backoff, watch);
    try {
      const end = await follow.run();
      if (!follow.hasHeld) this.#loader.noteOvertaken(end.cause);
      else if (watch === undefined) this.#loader.noteHeld();
      return end;
    } catch (error) {
      const cause = toStoreError(error);
      if (runtime.signal.aborted || isStoreClosed(cause)) throw cause;
      runtime.settings.logger.error(`following failed unexpectedly: ${cause.message}; reading everything again`, {
        error: cause,
      });
      return unverified(cause);
    } finally {
      await watch?.close();
    }
  }

  async #resync({ reason, cause, newHistory }: FollowEnd): Promise<void> {
    const runtime = this.#runtime;
    runtime.state.handle({ type: 'resync', reason, cause, connection: runtime.reachability.current });
    let isNew = newHistory;
    // After a compaction alone there is a way that spares most values. Where it fails, or can't be trusted, all is read.
    let isSparing = isStoreError(cause, 'compacted') && canSpareValues(runtime);
    // A fleet that lost the same server must not read it again in step (M9): not even the first time.
    await this.#pause();
    await this.#untilDone(isStoreClosed, async () => {
      try {
        const isDone = isSparing && (await resync(runtime, reason, runtime.signal));
        isSparing = false;
        if (!isDone) await this.#loader.load({ origin: reason, newHistory: isNew, signal: runtime.signal });
      } catch (error) {
        const { code } = toStoreError(error);
        if (isSparing) this.#loader.noteOvertaken(error);
        isSparing &&= code === 'unavailable';
        if (code === 'history-changed') isNew = await this.#isHistoryNew();
        throw error;
      }
    });
    runtime.state.handle({ type: 'installed', isRecent: runtime.freshness.isRecent });
  }

  /** One stale answer is not yet a store that went back: a second linearizable read must say the same (C13). */
  async #isHistoryNew(): Promise<boolean> {
    const { showsCopy, table } = this.#runtime;
    const known = table.bookmark;
    if (showsCopy && known !== undefined) return (await confirmOther(this.#runtime, known)) === 'other';
    const head = await readHead(this.#runtime, this.#runtime.signal);
    return isOtherOrOlder(head, known);
  }

  /** @param isFinal whether no other attempt is made after a failure */
  async #untilDone(isFinal: (error: StoreError) => boolean, work: () => Promise<void>): Promise<void> {
    const runtime = this.#runtime;
    const late = new LateReads(runtime);
    for (let isOverloaded = false; ;) {
      let passed = stopwatch(runtime.settings.clock);
      try {
        // Not everything at once: a server that had too much to do shows by a small read whether it still has.
        if (isOverloaded) await awaitQuick(runtime, RETRY_SHARE, runtime.signal);
        passed = stopwatch(runtime.settings.clock);
        await work();
        return;
      } catch (error) {
        if (runtime.signal.aborted) throw error;
        const cause: StoreError = toStoreError(error);
        if (isFinal(cause)) throw cause;
        runtime.noteTrouble(cause);
        isOverloaded = (cause.code === 'timeout' || cause.code === 'unavailable') && hasCheapHead(runtime);
        await this.#pause(late.pauseAfter(cause, passed()));
      }
    }
  }

  #pause(leastMs = 0): Promise<void> {
    const { settings, signal } = this.#runtime;
    return sleep(settings.clock, Math.max(leastMs, this.#backoff.next()), signal);
  }
}
