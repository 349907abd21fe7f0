import { messageOf, StoreError, type Clock, type TimerHandle } from '@holdfast/store';

export interface KeepaliveOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Asks the server whether it is there; `false`: it is, but knows of no leader. Gives up when the signal aborts. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>;
  /** The server did not answer, or has had no leader for two questions in a row. */
  readonly onDead: (error: StoreError) => void;
}

/** How late a timer is that was kept from firing, and how long reading what has come since is given, in milliseconds. */
const LATE_MS = 100;
const READING_MS = 100;

type State =
  | { readonly status: 'idle' }
  | { readonly status: 'waiting'; readonly timer: TimerHandle }
  | { readonly status: 'asking'; readonly controller: AbortController };

/**
 * Notices a server that is silent, while something waits for it: a half-open connection is otherwise never noticed, and
 * a long poll on a member that has lost its leader waits for ever. There is no timer while nothing is under way.
 */
export class Keepalive {
  readonly #options: KeepaliveOptions;
  #state: State = { status: 'idle' };
  #underWay = 0;
  #leaderless = 0;

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
      // A timer that is late says that this process was blocked: the answer may be waiting to be read.
      if (clock.now() - began < timeoutMs + LATE_MS) controller.abort(late);
      else timer = clock.setTimeout(() => controller.abort(late), READING_MS);
    }, timeoutMs);
    let dead: StoreError | undefined;
    try {
      this.#leaderless = (await probe(controller.signal)) ? 0 : this.#leaderless + 1;
      // One question may fall into an election, which passes.
      if (this.#leaderless >= 2) dead = new StoreError('unavailable', 'knows of no leader');
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
    // Whatever fails now may begin anew, on this endpoint too: that is counted from the start.
    this.#toIdle();
    this.#options.onDead(dead);
    if (this.#underWay > 0 && this.#statusNow() === 'idle') this.#wait();
  }

  #statusNow(): State['status'] {
    return this.#state.status;
  }
}
