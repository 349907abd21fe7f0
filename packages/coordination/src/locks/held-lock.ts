import { isStoreError, type Bookmark, type CallOptions, type Compare, type StoreError } from '@holdfast/store';
import {
  abortable,
  allowManyListeners,
  quoted,
  removeAbortListener,
  sleep,
  whenAborted,
} from '@holdfast/store/adapter';
import { closedError, handled, isPassing, sessionLost } from '../errors.js';
import type { Acquired } from '../queue/acquire.js';
import { isOurs, leave } from '../queue/leave.js';
import type { Place } from '../queue/queue.js';
import { nextDelete } from '../queue/turn.js';
import type { SessionContext } from '../life/context.js';
import { checkCallOptions, isUnlimited, withLimits } from '../util/limits.js';
import type { Held, Token } from './held.js';

/** held → lost | released. */
type State =
  | { readonly status: 'held' }
  | { readonly status: 'lost'; readonly reason: StoreError }
  | { readonly status: 'released' };

/** What became of the key. */
type Release = 'removed' | 'was gone' | 'left to its lease';

/** Ends a watch that nobody needs any more. Without a reason of its own, each abort would make an error with a stack. */
const OVER = 'the lock is not held any more';

/** A lock that was acquired. Its key is watched from the first question on whether it is still held. */
export class HeldLock implements Held {
  readonly key: string;
  readonly token: Token;
  protected readonly context: SessionContext;
  protected readonly name: string;
  protected readonly place: Place;
  /** Made when it is asked for, as the other one: most locks are held for a moment, and nobody listens. */
  #controller: AbortController | undefined;
  /** Ends the watch of the key. */
  #over: AbortController | undefined;
  #state: State = { status: 'held' };
  #after: Bookmark;
  /** The attempt to remove the key that is under way, or the one that succeeded. */
  #removal: Promise<Release> | undefined;
  /** Whether the removal goes on in the background, since it was refused. */
  #isPersistent = false;

  constructor(context: SessionContext, name: string, { place, queue }: Acquired) {
    this.context = context;
    this.name = name;
    this.place = place;
    this.key = place.key;
    this.token = { revision: place.createRevision, identity: queue.bookmark.identity };
    this.#after = queue.bookmark;
    whenAborted(context.life.over, this.#onLifeOver);
  }

  get signal(): AbortSignal {
    this.#look();
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      allowManyListeners(this.#controller.signal);
      if (this.#state.status === 'lost') this.#controller.abort(this.#state.reason);
    }
    return this.#controller.signal;
  }

  get compare(): Compare {
    return isOurs(this.place);
  }

  check(): void {
    this.#look();
    if (this.#state.status === 'lost') throw this.#state.reason;
    if (this.#state.status === 'released') throw closedError(`lock ${quoted(this.name)} was released`);
  }

  async release(options?: CallOptions): Promise<void> {
    await this.giveUp(options, 'release()');
  }

  /** Releases after the work that it protected. Throws if the lock was lost before the work was done. */
  async releaseAfterWork(): Promise<void> {
    // The clock only: a watch would be opened to be closed again.
    void this.context.life.reason;
    if (this.#state.status === 'lost') throw this.#state.reason;
    if (this.#state.status === 'released') return;
    // The logger has heard of a refusal.
    const end = await this.giveUp(undefined, 'release()').catch((): Release => 'left to its lease');
    if (end === 'was gone')
      throw sessionLost(`lock ${quoted(this.name)} was lost before the work was done: its key was gone`);
  }

  protected async giveUp(options: CallOptions | undefined, call: string): Promise<Release> {
    const limits = checkCallOptions(options, call);
    const { life, clock } = this.context;
    const isOver = life.quickReason !== undefined;
    if (!isOver) this.#end({ status: 'released' });
    if (this.#state.status !== 'released' || isOver) return 'left to its lease';
    const removal = this.#remove();
    const what = () => `the release of lock ${quoted(this.name)}`;
    try {
      return isUnlimited(limits)
        ? await removal
        : await withLimits(limits, { clock, what }, (signal) => abortable(removal, signal));
    } catch (error) {
      // Its lease takes the key, as that of every lost lock.
      if (life.reason !== undefined) return 'left to its lease';
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The logger has heard of a refusal.
    await this.release().catch(() => undefined);
  }

  /** Joins the attempt that is under way, or makes one: only one at a time, whoever wants the key removed. */
  #remove(): Promise<Release> {
    return (this.#removal ??= handled(this.#tryToRemove()));
  }

  async #tryToRemove(): Promise<Release> {
    const { context } = this;
    try {
      return (await leave(context, this.place)) ? 'removed' : 'was gone';
    } catch (error) {
      // The next call tries again. The key goes without one, too, as soon as that is not refused any more.
      this.#removal = undefined;
      if (!this.#isPersistent && context.life.reason === undefined) {
        this.#isPersistent = true;
        const what = `the release of lock ${quoted(this.name)}`;
        context.inBackground(
          what,
          context.persistAfter(error, what, () => this.#remove()),
        );
      }
      throw error;
    }
  }

  /** The clock first: it is right before any timer and any event. */
  #look(): void {
    void this.context.life.reason;
    if (this.#state.status !== 'held' || this.#over !== undefined) return;
    this.#over = new AbortController();
    void this.#watchKey(this.#over.signal);
  }

  readonly #onLifeOver = (): void => {
    const { reason } = this.context.life;
    if (reason !== undefined) this.#end({ status: 'lost', reason });
  };

  #end(state: Exclude<State, { status: 'held' }>): void {
    if (this.#state.status !== 'held') return;
    this.#state = state;
    this.#over?.abort(OVER);
    removeAbortListener(this.context.life.over, this.#onLifeOver);
    if (state.status === 'lost') this.#controller?.abort(state.reason);
  }

  /** Loses the lock when its key is deleted, whoever did it. Never rejects. */
  async #watchKey(signal: AbortSignal): Promise<void> {
    const backoff = this.context.backoff();
    while (!signal.aborted) {
      try {
        await nextDelete(this.context.store, this.key, this.#after, signal);
        this.lose('was deleted');
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error, backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  /** After the end of a watch: is the key still there, and from where is it to be watched on? */
  async #recover(error: unknown, pauseMs: number, signal: AbortSignal): Promise<void> {
    const { context } = this;
    if (isStoreError(error, 'history-changed')) {
      context.life.end(sessionLost('the history that the session belongs to is gone', error));
      return;
    }
    // The session hears of a closed store at its next renewal; refusals may be withdrawn.
    if (!isStoreError(error, 'compacted')) await sleep(context.clock, isPassing(error) ? pauseMs : 1_000, signal);
    const { items, bookmark } = await context.listNow({ key: this.key }, signal);
    if (items[0]?.createRevision !== this.place.createRevision) this.lose('is gone');
    this.#after = bookmark;
  }

  /** The key is not there any more. */
  protected lose(how: string): void {
    if (this.#state.status === 'held') this.context.giveBack(this.key);
    this.#end({
      status: 'lost',
      reason: sessionLost(`lock ${quoted(this.name)} is lost: its key ${quoted(this.key)} ${how}`),
    });
  }
}
