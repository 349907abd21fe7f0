import { type Bookmark, isStoreError, StoreError, type WatchState } from '@holdfast/store';
import {
  addAbortListener,
  type Backoff,
  removeAbortListener,
  sleep,
  Slicer,
  toStoreError,
  whenAborted,
  withDeadline,
} from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';
import { isStoreClosed } from '../runtime/errors.js';
import type { FollowContext } from '../proof/follow-context.js';
import { Replay } from '../proof/replay.js';
import { replayStart } from '../proof/replay-start.js';
import { endFor, type FollowEnd, unverified } from '../proof/follow-end.js';
import { OpenWatch } from '../reads/open-watch.js';
import type { StaleReason } from '../events/state.js';
import { checkBookmark } from '../util/answers.js';
import { Watermark } from '../util/watermark.js';
import { HistoryCheck } from '../proof/history-check.js';
import { runTasks } from './tasks.js';

/** How a watch ended. */
interface WatchEnd {
  /** `replaced`: by another one that goes on from there, without a failure. */
  readonly reason: StaleReason | 'replaced';
  readonly cause?: StoreError;
}

/** A watch, and where it begins. */
interface Begun {
  readonly watch: OpenWatch;
  readonly after: number;
  /** For what it brings of what is known already. */
  readonly replay: Replay | undefined;
}

/** Follows on from a state that was read, over one watch after the other. What goes on beside them is in tasks.ts. */
export class Follow implements FollowContext {
  readonly runtime: Runtime;
  readonly #backoff: Backoff;
  readonly #controller = new AbortController();
  readonly #historyCheck: HistoryCheck;
  #end: FollowEnd | undefined;
  /** How often a watch was established. */
  readonly #establishments = new Watermark();
  #watch = new AbortController();
  #isWatchLive = false;
  /** Evidence from this ticket on is newer than the establishment of the watch. */
  #establishedAt = Infinity;
  /** Whether the watch ended for another one to take its place at once. */
  #isReplaced = false;
  /** The one that takes the place of a watch that is still open: its store knows by then what that one has seen. */
  #next: Begun | undefined;
  /** Whether nothing came by the time that the consumer wants more. */
  #isWaiting = false;
  #isRenewalDue = false;
  /** What the store is known to have compacted, and how often in a row that was in the way of a watch. */
  #compacted = 0;
  #timesCompacted = 0;
  /** How many watches in a row were replaced soon after they had begun to follow. */
  #soonReplaced = 0;
  #liveSince = 0;
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
    // After the first establishment there is only what came during the load.
    return !this.isProved && !this.#hasProgressed && this.#establishments.value !== 1;
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

  skipReplay(): void {
    this.#isReplaced = true;
    this.#watch.abort(new StoreError('aborted', 'the mirror has read what the watch was to replay'));
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
      await this.#next?.watch.close();
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

  async #keepWatching(): Promise<void> {
    const { runtime } = this;
    const { backoff, clock } = runtime.settings;
    while (!this.signal.aborted) {
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
    const begun = this.#takeNext();
    this.#watch = new AbortController();
    this.#isReplaced = false;
    this.#isRenewalDue = false;
    this.#isWaiting = false;
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
      if (this.#isReplayGone(cause, begun)) return { reason: 'replaced' };
      const end = endOfWatch(cause);
      if (end !== undefined && !this.#isOvertaken(cause, begun.after)) this.end(end);
      return { reason: 'watch-failed', cause };
    } finally {
      this.#noteHeld();
      this.#opened = undefined;
      this.#isWatchLive = false;
      this.#establishedAt = Infinity;
      this.runtime.isFollowing = false;
      this.#historyCheck.lost();
    }
  }

  /** The watch that was handed over, the one that was begun already, or another one. */
  #takeNext(): Begun {
    const next = this.#next ?? this.#begin(this.#opened);
    this.#next = undefined;
    this.#historyCheck.begin(next.replay);
    return next;
  }

  /** @param opened one that is open already may be behind the table from the beginning */
  #begin(opened?: OpenWatch): Begun {
    const { runtime } = this;
    if (opened !== undefined) return { watch: opened, after: 0, replay: undefined };
    // The first one goes on from what was read (M2).
    const isFirst = this.#establishments.value === 0;
    const canReplay = !isFirst && this.#timesCompacted < MOST_COMPACTED;
    const start = canReplay ? replayStart(runtime, this.#compacted) : undefined;
    const after = start ?? runtime.table.bookmark;
    const replay = start === undefined ? undefined : new Replay(runtime.table, start.revision);
    return { watch: new OpenWatch(runtime, { after }), after: after?.revision ?? 0, replay };
  }

  /**
   * Whether only what the watch was to bring once more is compacted: another one begins later. Not again and again, since a store may
   * be compacted all the time.
   */
  #isReplayGone(error: StoreError, { after, replay }: Begun): boolean {
    if (replay === undefined || !this.#isOvertaken(error, after) || !isStoreError(error, 'compacted')) return false;
    this.#compacted = error.compactRevision;
    this.#timesCompacted += 1;
    return true;
  }

  /**
   * Whether only the watch has lost its history: on an idle prefix proofs take the table further than events take the watch,
   * and what is compacted is behind the table (M6). A new watch begins at the table, so that this can't happen twice in a row.
   */
  #isOvertaken(error: StoreError, start: number): boolean {
    if (!isStoreError(error, 'compacted')) return false;
    return start < error.compactRevision && error.compactRevision <= this.runtime.table.revision;
  }

  async #consume({ watch }: Begun, signal: AbortSignal): Promise<void> {
    const { runtime } = this;
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
        // What came before the connection was lost is taken first.
        if (this.#isRenewalDue && !(await this.#isThere(watch.peek()))) this.#renew();
        this.#isWaiting = true;
        const next = await watch.next();
        this.#isWaiting = false;
        if (next.done === true) return;
        const { value: batch } = next;
        // Past a new establishment, events may be of another history: nothing is shown before that is excluded (M8).
        const admission = this.#historyCheck.admit(batch);
        if (admission !== undefined) await admission;
        const taking = runtime.take(batch, signal);
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

  /** Whether the consumer need not wait for it. */
  async #isThere(next: Promise<unknown>): Promise<boolean> {
    let isThere = false;
    const settled = () => {
      isThere = true;
    };
    next.then(settled, settled);
    await new Slicer(this.runtime.settings.clock).pause();
    return isThere;
  }

  /**
   * The connection was lost: another watch takes the place of this one, which begins early enough to prove the history. One that has not
   * held goes on by itself, and by its own back-off: a watch that fails at once must not spin (docs/traps.md#trap-12).
   */
  #noteLoss(): void {
    if (this.signal.aborted || this.#watch.signal.aborted || !this.#historyCheck.isVerified) return;
    const { backoff, clock } = this.runtime.settings;
    this.#timesCompacted = 0;
    this.#soonReplaced = clock.now() - this.#liveSince >= backoff.maxMs ? 0 : this.#soonReplaced + 1;
    if (this.#soonReplaced > MOST_SOON || replayStart(this.runtime, this.#compacted) === undefined) return;
    this.#isRenewalDue = true;
    // Not while its store tells of the loss.
    queueMicrotask(() => {
      if (this.#isWaiting) this.#renew();
    });
  }

  #renew(): void {
    if (!this.#isRenewalDue || this.#watch.signal.aborted) return;
    this.#isRenewalDue = false;
    this.#next = this.#begin();
    this.#isReplaced = true;
    this.#watch.abort(new StoreError('aborted', 'the mirror begins another watch, to prove the history'));
  }

  #onWatchState(state: WatchState): void {
    this.#isWatchLive = state.status === 'live';
    if (state.status === 'live' && !this.#canFollowFrom(state.after)) return;
    if (state.status === 'live' && this.#isRenewalDue) {
      this.#renew();
    } else if (state.status === 'live') {
      this.#liveSince = this.runtime.settings.clock.now();
      this.#hasProgressed = false;
      this.runtime.isFollowing = true;
      this.runtime.reachability.watchEstablished();
      this.#establishedAt = this.runtime.freshness.begin().ticket;
      this.#establishments.set(this.#establishments.value + 1);
      this.#historyCheck.established(state.after);
    } else if (state.status === 'interrupted') {
      this.#noteLoss();
      this.runtime.reachability.watchInterrupted(state.cause);
      this.#noteHeld();
      this.#establishedAt = Infinity;
      this.#historyCheck.interrupted();
      this.runtime.noteTrouble(state.cause);
    } else if (state.status === 'closed') {
      this.#noteHeld();
      // It has ended, and what it still holds is yet to come: its connection is gone all the same.
      this.#historyCheck.interrupted();
    }
  }

  #noteHeld(): void {
    if (this.isProved || this.isVerified) this.#hasHeld = true;
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

/** How often in a row the store may be found compacted where watches begin, or a watch be replaced soon. */
const MOST_COMPACTED = 2;
const MOST_SOON = 3;

/** What an error of the watch itself comes to: events out of order, or a batch that can't be applied, say nothing of the history. */
function endOfWatch(cause: StoreError): FollowEnd | undefined {
  return endFor(cause) ?? (cause.code === 'internal' ? unverified(cause) : undefined);
}
