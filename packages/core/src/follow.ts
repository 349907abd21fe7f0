import { isStoreError, type Revision, sleep, StoreError, type Watch, type WatchState } from '@holdfast/store';
import { audit } from './audit.js';
import type { Core } from './core.js';
import { isHistoryLost, toStoreError } from './errors.js';
import type { FollowContext, FollowEnd } from './follow-context.js';
import { prove } from './prove.js';
import { Verifier } from './verify.js';

export interface FollowOptions {
  /** Everything was read right before. */
  readonly isFresh: boolean;
}

// What proofs and audits add to their waits at random, so that a fleet does not read in step (M9).
const JITTER = 0.2;

/** One watch, from its establishment to its end, with the tasks that keep an eye on it. */
export class Follow implements FollowContext {
  readonly core: Core;
  readonly #controller = new AbortController();
  readonly #verifier: Verifier;
  readonly #start: Revision | undefined;
  #end: FollowEnd | undefined;
  #isWatchLive = false;

  constructor(core: Core, { isFresh }: FollowOptions) {
    this.core = core;
    this.#start = core.table.bookmark?.revision;
    this.#verifier = new Verifier(this, isFresh);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isWatchLive(): boolean {
    return this.#isWatchLive;
  }

  get isVerified(): boolean {
    return this.#verifier.isVerified;
  }

  verified(): Promise<void> {
    return this.#verifier.verified();
  }

  end(how: FollowEnd): void {
    if (this.#end !== undefined) return;
    this.#end = how;
    this.#controller.abort(new StoreError('aborted', 'the mirror stopped following'));
  }

  /** Follows until there is a reason to stop. Rejects only when the mirror closes. */
  async run(): Promise<FollowEnd> {
    const { core } = this;
    const onClose = () => {
      this.#controller.abort(core.signal.reason);
    };
    core.signal.throwIfAborted();
    core.signal.addEventListener('abort', onClose, { once: true });
    const tasks = [this.#keepProved(), this.#proveOnRequest(), this.#auditNowAndThen()];
    try {
      await this.#consume();
      this.end({
        kind: 'rewatch',
        reason: 'watch-failed',
        cause: new StoreError('unavailable', 'the watch ended without saying why'),
      });
    } catch (error) {
      this.end(this.#endFor(toStoreError(error)));
    } finally {
      core.signal.removeEventListener('abort', onClose);
      core.isFollowing = false;
      await Promise.all(tasks);
    }
    core.signal.throwIfAborted();
    if (this.#end === undefined) throw new StoreError('internal', 'following ended without an end');
    return this.#end;
  }

  async #consume(): Promise<void> {
    const { core } = this;
    const watch: Watch = core.store.watch(core.settings.range.toRange(), {
      after: core.table.bookmark,
      signal: this.signal,
    });
    // What has failed is told by the iteration.
    watch.ready.catch(() => undefined);
    const off = watch.onState((state) => {
      this.#onWatchState(state);
    });
    this.#onWatchState(watch.state);
    try {
      for await (const batch of watch) {
        // Past a new establishment, events may be of another history: nothing is shown before that is excluded (M8).
        await this.#verifier.admit(batch);
        this.signal.throwIfAborted();
        await core.lock.run(async () => {
          this.signal.throwIfAborted();
          core.publish(await core.table.apply(batch), 'watch');
          await core.table.tidy();
        });
        this.#verifier.applied();
      }
    } finally {
      off();
      await watch.close();
    }
  }

  #onWatchState(state: WatchState): void {
    this.#isWatchLive = state.status === 'live';
    if (state.status === 'live') {
      this.core.isFollowing = true;
      this.#verifier.established(state.after);
    } else if (state.status === 'interrupted') {
      this.core.noteTrouble(state.cause);
    }
  }

  #endFor(error: StoreError): FollowEnd {
    if (isHistoryLost(error) && !this.#isOvertaken(error)) {
      const newHistory = error.code === 'history-changed';
      return { kind: 'resync', reason: newHistory ? 'history-changed' : 'compacted', newHistory, cause: error };
    }
    // Revisions out of order, or a batch that can't be taken in: what the mirror has can't be trusted to continue.
    if (error.code === 'internal') return { kind: 'resync', reason: 'unverified', newHistory: false, cause: error };
    return { kind: 'rewatch', reason: 'watch-failed', cause: error };
  }

  /**
   * Whether only the watch has lost its history: on an idle prefix proofs take the table further than events take the watch,
   * and what is compacted is behind the table (M6). A new watch begins at the table, so that this can't happen twice in a row.
   */
  #isOvertaken(error: StoreError): boolean {
    if (!isStoreError(error, 'compacted')) return false;
    const { compactRevision } = error;
    return (this.#start ?? compactRevision) < compactRevision && compactRevision <= this.core.table.revision;
  }

  /** Keeps the evidence fresh (M1, M7): a proof well before the last one gets too old. */
  async #keepProved(): Promise<void> {
    const { core } = this;
    const { livenessMs, clock } = core.settings;
    await this.#repeat(async () => {
      const due = (core.evidence.asOf ?? clock.now()) + this.#jittered(livenessMs / 3);
      await sleep(clock, Math.max(0, due - clock.now()), this.signal);
      if (core.evidence.asOf !== undefined && clock.now() < core.evidence.asOf + livenessMs / 4) return;
      await prove(this, { graceMs: livenessMs / 6, blamesWatch: true });
    });
  }

  /** Serves `sync()`, and whoever else wants to know now. */
  async #proveOnRequest(): Promise<void> {
    const { core } = this;
    await this.#repeat(async () => {
      await core.wanted.until(core.evidence.proved + 1, this.signal);
      await prove(this, { graceMs: core.settings.graceMs, blamesWatch: false });
    });
  }

  async #auditNowAndThen(): Promise<void> {
    const { auditEveryMs, clock } = this.core.settings;
    if (auditEveryMs === undefined) return;
    await this.#repeat(async () => {
      await sleep(clock, this.#jittered(auditEveryMs), this.signal);
      await audit(this);
    });
  }

  #jittered(ms: number): number {
    return ms * (1 - JITTER * this.core.settings.random());
  }

  /** Until the end; failures are noted and retried with back-off. */
  async #repeat(work: () => Promise<void>): Promise<void> {
    const backoff = this.core.newBackoff();
    while (!this.signal.aborted) {
      try {
        await work();
        backoff.reset();
      } catch (error) {
        if (this.signal.aborted) return;
        const cause = toStoreError(error);
        this.core.noteTrouble(cause);
        if (isHistoryLost(cause)) this.end(this.#endFor(cause));
        await sleep(this.core.settings.clock, backoff.next(), this.signal).catch(() => undefined);
      }
    }
  }
}
