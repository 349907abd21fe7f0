import type { StoreError, TimerHandle } from '@holdfast/store';
import { allowManyListeners } from '@holdfast/store/adapter';
import { sessionLost } from '../errors.js';
import { Elapsed, type Moment, type SessionClock } from '../util/elapsed.js';

/** alive → over. A session that is over never lives again. */
type State =
  | { readonly status: 'alive'; readonly renewedAt: Moment; readonly usableMs: number; readonly ttl: number }
  | { readonly status: 'over'; readonly reason: StoreError };

/** A lease is counted on for this part of its time. The rest is for the holder, to stop before the server gives its locks away. */
const USABLE = 2 / 3;

/**
 * How long a session may count on its lease: two thirds of the granted time, since the last confirmed renewal was *sent*. Every
 * question looks at the clock first: after a pause of the process, a late timer makes no lost session look alive.
 */
export class Lifetime {
  readonly #elapsed: Elapsed;
  readonly #clock: SessionClock;
  readonly #controller = new AbortController();
  #state: State;
  #timer: TimerHandle;
  /** Why the latest renewal failed. */
  #failure: unknown;

  /** @param sentAt when the request for the lease was sent; `ttl` in seconds, as granted */
  constructor(clock: SessionClock, sentAt: Moment, ttl: number) {
    this.#clock = clock;
    this.#elapsed = new Elapsed(clock);
    this.#state = aliveFrom(sentAt, ttl);
    // Every lock of the session listens, and so may any number of calls under its signal.
    allowManyListeners(this.#controller.signal);
    this.#arm();
  }

  /** Aborts when the session is over, with the reason. */
  get signal(): AbortSignal {
    this.#look();
    return this.#controller.signal;
  }

  /** The same signal, for those who listen to it: without a look at the clock. */
  get over(): AbortSignal {
    return this.#controller.signal;
  }

  /** As {@link check}, without asking the system for its uptime where nothing hints that the machine slept. For what a lock does by itself. */
  quickCheck(): void {
    const { quickReason } = this;
    if (quickReason !== undefined) throw quickReason;
  }

  /** As {@link reason}, in the same way. */
  get quickReason(): StoreError | undefined {
    if (this.#state.status === 'alive' && this.#elapsed.quickSince(this.#state.renewedAt) >= this.#state.usableMs) {
      this.#look();
    }
    return this.#state.status === 'over' ? this.#state.reason : undefined;
  }

  /** Why the session is over; `undefined` while it lives. */
  get reason(): StoreError | undefined {
    this.#look();
    return this.#state.status === 'over' ? this.#state.reason : undefined;
  }

  /** @throws StoreError why the session is over, if it is */
  check(): void {
    const { reason } = this;
    if (reason !== undefined) throw reason;
  }

  /** A renewal that was sent at this moment is confirmed. One that comes too late changes nothing. */
  renewed(sentAt: Moment, ttl: number): void {
    this.#look();
    if (this.#state.status !== 'alive') return;
    const leftMs = this.#leftMs();
    this.#state = aliveFrom(sentAt, ttl);
    this.#failure = undefined;
    // The timer is set anew when it fires, which would be too late for an earlier end.
    if (this.#leftMs() < leftMs) this.#arm();
  }

  /** A renewal failed: where none succeeds in time, that is the cause to tell. */
  notRenewed(failure: unknown): void {
    this.#failure = failure;
  }

  /** Ends the session. The first reason stays. */
  end(reason: StoreError): void {
    if (this.#state.status === 'over') return;
    this.#state = { status: 'over', reason };
    this.#disarm();
    this.#controller.abort(reason);
  }

  /** Milliseconds for which the lease can be counted on; at most 0 where it can't any more. */
  #leftMs(): number {
    return this.#state.status === 'over' ? 0 : this.#state.usableMs - this.#elapsed.since(this.#state.renewedAt);
  }

  #look(): void {
    if (this.#state.status === 'over' || this.#leftMs() > 0) return;
    const { ttl } = this.#state;
    this.end(sessionLost(`the session was not renewed within two thirds of its ${ttl} s`, this.#failure));
  }

  readonly #arm = (): void => {
    this.#disarm();
    this.#look();
    if (this.#state.status === 'over') return;
    // Whole milliseconds: a clock that counts by larger steps than what is left would fire at once, again and again.
    this.#timer = this.#clock.setTimeout(this.#arm, Math.ceil(this.#leftMs()));
  };

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function aliveFrom(renewedAt: Moment, ttl: number): State {
  return { status: 'alive', renewedAt, usableMs: ttl * 1_000 * USABLE, ttl };
}
