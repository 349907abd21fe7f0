import { StoreError, type Clock, type TimerHandle } from '@holdfast/store';
import { messageOf } from '@holdfast/store/adapter';

export interface KeepaliveOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Asks the server for a sign of life. `false`: it answers, but knows no leader. Gives up when the signal aborts. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>;
  /** The server did not answer, or had no leader for two questions in a row. `since`: when the first of them was asked. */
  readonly onDead: (error: StoreError, since: number) => void;
}

/** A timer that fires this late was blocked, in milliseconds. Data that arrived meanwhile then gets the same time to be read. */
const LATE_MS = 100;
const READING_MS = 100;

type State =
  | { readonly status: 'idle' }
  | { readonly status: 'waiting'; readonly timer: TimerHandle }
  | { readonly status: 'asking'; readonly controller: AbortController };

/**
 * Notices a silent server while a request waits for it. Otherwise a half-open connection is never noticed, and a long poll on a member
 * without a leader waits for ever. There is no timer while no request is open.
 */
export class Keepalive {
  readonly #options: KeepaliveOptions;
  #state: State = { status: 'idle' };
  #underWay = 0;
  #leaderless = 0;
  #leaderlessSince = 0;

  constructor(options: KeepaliveOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#underWay += 1;
    if (this.#state.status === 'idle') this.#wait();
  }

  end(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#toIdle();
  }

  #wait(): void {
    const { clock, intervalMs } = this.#options;
    const timer = clock.setTimeout(() => void this.#ask(), intervalMs);
    this.#state = { status: 'waiting', timer };
  }

  #toIdle(): void {
    const state = this.#state;
    this.#state = { status: 'idle' };
    this.#leaderless = 0;
    if (state.status === 'waiting') this.#options.clock.clearTimeout(state.timer);
    if (state.status === 'asking') state.controller.abort();
  }

  async #ask(): Promise<void> {
    const { clock, timeoutMs, probe } = this.#options;
    const controller = new AbortController();
    const state: State = { status: 'asking', controller };
    this.#state = state;
    const late = new StoreError('timeout', `gave no sign of life for ${timeoutMs} ms (keepalive.timeoutMs)`);
    const began = clock.now();
    let timer = clock.setTimeout(() => {
      // A late timer means that this process was blocked: the answer may have arrived already.
      if (clock.now() - began < timeoutMs + LATE_MS) controller.abort(late);
      else timer = clock.setTimeout(() => controller.abort(late), READING_MS);
    }, timeoutMs);
    let dead: StoreError | undefined;
    let since = began;
    try {
      this.#leaderless = (await probe(controller.signal)) ? 0 : this.#leaderless + 1;
      if (this.#leaderless === 1) this.#leaderlessSince = began;
      // A single question may fall into an election, which passes.
      if (this.#leaderless >= 2) {
        dead = new StoreError('unavailable', 'knows of no leader');
        since = this.#leaderlessSince;
      }
    } catch (error) {
      dead = controller.signal.aborted ? late : new StoreError('unavailable', messageOf(error), { cause: error });
    } finally {
      clock.clearTimeout(timer);
    }
    if (this.#state !== state) return;
    if (dead === undefined) {
      this.#wait();
      return;
    }
    // The requests that now fail may begin again on this endpoint, and the count starts anew for them.
    this.#toIdle();
    this.#options.onDead(dead, since);
    if (this.#underWay > 0 && this.#statusNow() === 'idle') this.#wait();
  }

  #statusNow(): State['status'] {
    return this.#state.status;
  }
}
