import { type Bookmark, isStoreError, StoreError, type WatchState } from '@holdfast/store';
import {
  addAbortListener,
  type Backoff,
  removeAbortListener,
  sleep,
  toStoreError,
  whenAborted,
  withDeadline,
} from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';
import { isStoreClosed } from '../runtime/errors.js';
import type { FollowContext } from '../proof/follow-context.js';
import { endFor, type FollowEnd, unverified } from '../proof/follow-end.js';
import type { OpenWatch } from '../reads/open-watch.js';
import type { StaleReason } from '../events/state.js';
import { checkBookmark } from '../util/answers.js';
import { stopwatch } from '../util/stopwatch.js';
import { Watermark } from '../util/watermark.js';
import { HistoryCheck } from '../proof/history-check.js';
import { Missed } from '../proof/missed.js';
import { type BegunWatch, Renewal } from './renewal.js';
import { runTasks } from './tasks.js';

/** How a watch ended. */
interface WatchEnd {
  /** `replaced`: by another one that goes on from there, without a failure. */
  readonly reason: StaleReason | 'replaced';
  readonly cause?: StoreError;
}

/** Follows on from a state that was read, over one watch after the other. What goes on beside them is in tasks.ts. */
export class Follow implements FollowContext {
  readonly runtime: Runtime;
  readonly missed = new Missed();
  readonly #backoff: Backoff;
  readonly #controller = new AbortController();
  readonly #historyCheck: HistoryCheck;
  #end: FollowEnd | undefined;
  /** How often a watch was established. */
  readonly #establishments = new Watermark();
  readonly #renewal: Renewal;
  #watch = new AbortController();
  #isWatchLive = false;
  /** Evidence from this ticket on is newer than the establishment of the watch. */
  #establishedAt = Infinity;
  /** Whether the watch ended for another one to take its place at once. */
  #isReplaced = false;
  #hasProgressed = false;
  #hasHeld = false;
  /** The watch that was handed over, until another one takes its place. */
  #opened: OpenWatch | undefined;

  /**
   * @param backoff goes on from one following to the next: only time spent well forgives earlier failures
   * @param watch one that was open while everything was read, and that goes on from there
   */
  constructor(runtime: Runtime, backoff: Backoff, watch?: OpenWatch) {
    this.runtime = runtime;
    this.#backoff = backoff;
    this.#opened = watch;
    this.#historyCheck = new HistoryCheck(this, () => this.#opened?.wasInterrupted === false);
    this.#renewal = new Renewal(runtime, {
      isFollowed: () => !this.#watch.signal.aborted,
      leave: () => {
        this.#leave('the mirror begins another watch, to prove the history');
      },
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isWatchLive(): boolean {
    return this.#isWatchLive;
  }

  get isProved(): boolean {
    return this.runtime.freshness.proved > this.#establishedAt;
  }

  get isReplaying(): boolean {
    // On its first connection a watch has only to bring what came during the load.
    const isFirst = this.#establishments.value === 1 && this.#isWatchLive;
    return !this.isProved && !this.#hasProgressed && !isFirst;
  }

  /** Whether the mirror was proved complete, or the history the same, while one of the watches followed. */
  get hasHeld(): boolean {
    return this.#hasHeld;
  }

  get isVerified(): boolean {
    return this.#historyCheck.isVerified;
  }

  verified(graceMs?: number): Promise<void> {
    return this.#historyCheck.verified(graceMs);
  }

  get hasProgressed(): boolean {
    return this.#hasProgressed;
  }

  get establishments(): number {
    return this.#establishments.value;
  }

  async established(times: number, signal = this.signal): Promise<number> {
    await this.#establishments.until(times, signal);
    return this.#establishments.value;
  }

  async rest(ms: number): Promise<void> {
    const next = this.#establishments.value + 1;
    const late = () => new StoreError('timeout', 'the rest is over');
    await withDeadline({ clock: this.runtime.settings.clock, ms, signal: this.signal, late }, (deadline) =>
      this.#establishments.until(next, deadline.signal),
    ).catch(() => undefined);
  }

  end(how: FollowEnd): void {
    this.#end ??= how;
    this.#stop();
  }

  replaceWatch(cause?: StoreError): void {
    this.#watch.abort(cause ?? new StoreError('aborted', 'the mirror replaces a watch that fell silent'));
  }

  skipReplay(reading: Promise<unknown>): void {
    this.missed.read(reading);
    this.#leave('the mirror reads what the watch was to replay');
  }

  /**
   * Follows until what there is can't be followed on from.
   *
   * @throws StoreError when the mirror or its store closes
   */
  async run(): Promise<FollowEnd> {
    const { runtime } = this;
    runtime.signal.throwIfAborted();
    const onClose = () => {
      this.#stop();
    };
    addAbortListener(runtime.signal, onClose);
    runtime.heads.join(runtime.table);
    const tasks = runTasks(this);
    try {
      await this.#keepWatching();
    } finally {
      this.#stop();
      await this.#renewal.close();
      runtime.reachability.unwatched();
      removeAbortListener(runtime.signal, onClose);
      await tasks;
      runtime.heads.leave(runtime.table);
    }
    runtime.signal.throwIfAborted();
    if (this.#end === undefined) throw new StoreError('internal', 'following ended without an end');
    return this.#end;
  }

  #stop(): void {
    const reason = new StoreError('aborted', 'the mirror stopped following');
    this.#controller.abort(reason);
    this.#watch.abort(reason);
  }

  /** Ends the present watch, for another one to take its place at once. */
  #leave(why: string): void {
    this.#isReplaced = true;
    this.#watch.abort(new StoreError('aborted', why));
  }

  async #keepWatching(): Promise<void> {
    const { runtime } = this;
    const { backoff, clock } = runtime.settings;
    for (;;) {
      await this.missed.untilRead();
      if (this.signal.aborted) return;
      const started = clock.now();
      const { reason, cause } = await this.#watchOnce();
      if (this.signal.aborted) return;
      // No failure, and not again at once: a watch has held, or another thousand revisions must be missed first.
      if (reason === 'replaced') continue;
      runtime.state.handle({ type: 'stale', reason, cause, connection: runtime.reachability.current });
      if (cause !== undefined) {
        if (isStoreClosed(cause)) throw cause;
        runtime.noteTrouble(cause);
      }
      // What fails at once, again and again, must not spin (docs/traps.md#trap-12).
      if (clock.now() - started >= backoff.maxMs) this.#backoff.reset();
      await sleep(clock, this.#backoff.next(), this.signal).catch(() => undefined);
    }
  }

  /** One watch, from its beginning to its end. */
  async #watchOnce(): Promise<WatchEnd> {
    const begun = this.#renewal.take(this.#establishments.value === 0, this.#opened);
    this.#historyCheck.begin(begun.replay);
    this.#watch = new AbortController();
    this.#isReplaced = false;
    if (this.signal.aborted) this.#watch.abort(this.signal.reason);
    try {
      await this.#consume(begun, this.#watch.signal);
      const cause = new StoreError('unavailable', 'the watch ended without saying why');
      this.runtime.reachability.watchEnded(cause);
      return { reason: 'watch-failed', cause };
    } catch (error) {
      const { aborted, reason } = this.#watch.signal as { readonly aborted: boolean; readonly reason: unknown };
      if (aborted) {
        if (this.#isReplaced) return { reason: 'replaced' };
        const isSilent = !isStoreError(reason) || reason.code === 'aborted';
        return isSilent ? { reason: 'watch-silent' } : { reason: 'watch-failed', cause: reason };
      }
      const cause = toStoreError(error);
      this.runtime.reachability.watchEnded(cause);
      if (this.#renewal.isReplayGone(cause, begun)) return { reason: 'replaced' };
      const end = endOfWatch(cause);
      if (end !== undefined && !this.#renewal.isOvertaken(cause, begun.after)) this.end(end);
      return { reason: 'watch-failed', cause };
    } finally {
      this.#noteLoss();
      this.#opened = undefined;
      this.#isWatchLive = false;
      this.#establishedAt = Infinity;
      this.runtime.isFollowing = false;
      this.#historyCheck.lost();
    }
  }

  async #consume({ watch }: BegunWatch, signal: AbortSignal): Promise<void> {
    const { runtime } = this;
    const renewal = this.#renewal;
    const abort = () => {
      watch.abort(signal.reason);
    };
    whenAborted(signal, abort);
    const off = watch.onState((state) => {
      this.#onWatchState(state);
    });
    this.#onWatchState(watch.state);
    try {
      for (;;) {
        if (renewal.isDue) await renewal.renewUnless(watch.peek());
        renewal.waits();
        const next = await watch.next();
        renewal.came();
        if (next.done === true) return;
        const { value: batch } = next;
        const came = runtime.publisher.isStepHeard ? stopwatch(runtime.settings.clock) : undefined;
        // Past a new establishment, events may be of another history: nothing is shown before that is excluded (M8).
        const admission = this.#historyCheck.admit(batch);
        if (admission !== undefined) await admission;
        const taking = runtime.take(batch, signal, came);
        if (taking !== undefined) await taking;
        this.#historyCheck.applied();
        if (batch.kind === 'progress') this.#hasProgressed = true;
      }
    } finally {
      off();
      removeAbortListener(signal, abort);
      await watch.close();
    }
  }

  #onWatchState(state: WatchState): void {
    this.#isWatchLive = state.status === 'live';
    if (state.status === 'live' && !this.#canFollowFrom(state.after)) return;
    if (state.status === 'live' && this.#renewal.isDue) {
      this.#renewal.renew();
    } else if (state.status === 'live') {
      this.#renewal.follows();
      this.#hasProgressed = false;
      this.missed.established(state.head);
      this.runtime.isFollowing = true;
      this.runtime.reachability.watchEstablished();
      this.#establishedAt = this.runtime.freshness.begin().ticket;
      this.#establishments.set(this.#establishments.value + 1);
      this.#historyCheck.established(state.after);
    } else if (state.status === 'interrupted') {
      if (!this.#watch.signal.aborted) this.#renewal.noteLoss();
      this.runtime.reachability.watchInterrupted(state.cause);
      this.#noteLoss();
      this.#establishedAt = Infinity;
      this.#historyCheck.interrupted();
      this.runtime.noteTrouble(state.cause);
    } else if (state.status === 'closed') {
      this.#noteLoss();
      // It has ended, and what it still holds is yet to come: its connection is gone all the same.
      this.#historyCheck.interrupted();
    }
  }

  #noteLoss(): void {
    if (this.isProved || this.isVerified) {
      this.#hasHeld = true;
      // One that was left for a read has not shown that it needs none.
      if (!this.#isReplaced) this.missed.held(this.isProved);
    }
    this.missed.lost();
  }

  #canFollowFrom(after: Bookmark): boolean {
    try {
      checkBookmark(after);
      return true;
    } catch (error) {
      this.#isWatchLive = false;
      this.replaceWatch(toStoreError(error));
      return false;
    }
  }
}

/** What an error of the watch itself comes to: events out of order, or a batch that can't be applied, say nothing of the history. */
function endOfWatch(cause: StoreError): FollowEnd | undefined {
  return endFor(cause) ?? (cause.code === 'internal' ? unverified(cause) : undefined);
}
