import type { Clock, StoreError, TimerHandle } from '@holdfast/store';
import type { V2Event } from '../json/codec.js';

/** The result of one long poll: the first event of the range at or after the requested index. */
export interface Polled {
  readonly event: V2Event;
  /** The event's index. */
  readonly index: number;
  /** The server's index when it took the request. */
  readonly head: number;
}

export interface LaneHandlers {
  /** The server has taken the request. If the event exists already, it follows at once. */
  onWaiting(): void;
  onEvent(polled: Polled): void;
  onFail(error: StoreError): void;
}

/** The watch that the lanes work for. */
export interface LaneHost {
  /** Asks for the first event at or past `from`. Handlers are called later, never from within. */
  poll(from: number, handlers: LaneHandlers): { abort(): void };
  /** Takes the next event in order; `false`: no more are wanted. */
  deliver(event: V2Event, index: number): boolean;
  /** The first failure. Nothing is delivered after it. */
  fail(error: StoreError): void;
  /** Permits for polls beside the first one, shared by all watches of the store. */
  readonly permits: Permits;
  readonly clock: Clock;
}

/** A limit for simultaneous uses. */
export class Permits {
  #left: number;

  constructor(total: number) {
    this.#left = total;
  }

  take(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }

  release(): void {
    this.#left += 1;
  }
}

/** A stretch of indexes that one poll after another walks through. */
interface Lane {
  /** The next index to ask for. Everything before it in the stretch has arrived. */
  from: number;
  /** The stretch's last index; `Infinity` for the last lane. */
  to: number;
  /** The events that arrived while earlier lanes are not done. */
  readonly brought: { readonly event: V2Event; readonly index: number }[];
  done: boolean;
  poll: { abort(): void } | undefined;
  /** The server has taken the poll. */
  waiting: boolean;
}

/** A stretch is divided while more known indexes than this are left in it. */
const WORTH_DIVIDING = 4;
/** After this time without an event, lanes that wait beside the first are given up. In milliseconds. */
const QUIET_MS = 250;

/**
 * Follows a range by long polls. A poll brings one event. So one poll at a time catches up by one event per round trip, and a busy
 * event loop makes round trips long: a burst would outrun the server's window of 1,000 events. So a follower that is behind polls at
 * several indexes at once. It divides the known rest into two stretches, and each of them again, and delivers all events in the order
 * of their indexes.
 *
 * Nothing is lost: a poll from `w` that brings index `m` proves that `m` is the only event of the range in `[w, m]`, and the stretches
 * have no gaps. A lane that waits in a stretch without events blocks nothing: the next event wakes it too.
 */
export class PollLanes {
  readonly #host: LaneHost;
  #lanes: Lane[] = [];
  #quiet: { readonly timer: TimerHandle } | undefined;
  #stopped = false;

  constructor(host: LaneHost) {
    this.#host = host;
  }

  /** Begins to follow after this index. */
  start(after: number): void {
    const lane: Lane = { from: after + 1, to: Infinity, brought: [], done: false, poll: undefined, waiting: false };
    this.#lanes = [lane];
    this.#ask(lane);
  }

  /** Ends all polls. Nothing is delivered any more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#clearQuiet();
    for (const [index, lane] of this.#lanes.splice(0).entries()) {
      this.#drop(lane);
      // There is a permit for every lane but one.
      if (index > 0) this.#host.permits.release();
    }
  }

  #ask(lane: Lane): void {
    lane.waiting = false;
    lane.poll = this.#host.poll(lane.from, {
      onWaiting: () => {
        lane.waiting = true;
      },
      onEvent: (polled) => {
        lane.poll = undefined;
        this.#advance(lane, polled);
      },
      onFail: (error) => {
        lane.poll = undefined;
        if (this.#stopped) return;
        this.stop();
        this.#host.fail(error);
      },
    });
  }

  #advance(lane: Lane, { event, index, head }: Polled): void {
    if (index <= lane.to) lane.brought.push({ event, index });
    lane.from = index + 1;
    if (index >= lane.to) lane.done = true;
    else {
      this.#divide(lane, head);
      // The next poll starts before this event is handled: the round trip limits a watch.
      this.#ask(lane);
    }
    this.#deliver();
    this.#watchForQuiet();
  }

  /** Gives the upper half of the known rest to a new lane. */
  #divide(lane: Lane, head: number): void {
    const last = Math.min(lane.to, head);
    const left = last - lane.from + 1;
    if (left <= WORTH_DIVIDING || !this.#host.permits.take()) return;
    const middle = lane.from + Math.ceil(left / 2) - 1;
    const upper: Lane = { from: middle + 1, to: lane.to, brought: [], done: false, poll: undefined, waiting: false };
    lane.to = middle;
    this.#lanes.splice(this.#lanes.indexOf(lane) + 1, 0, upper);
    this.#ask(upper);
  }

  #deliver(): void {
    for (;;) {
      const [first] = this.#lanes;
      if (first === undefined) return;
      for (const { event, index } of first.brought.splice(0)) {
        if (!this.#host.deliver(event, index)) {
          this.stop();
          return;
        }
        if (this.#stopped) return;
      }
      if (!first.done) return;
      // The last lane never is.
      this.#lanes.shift();
      this.#host.permits.release();
    }
  }

  #watchForQuiet(): void {
    this.#clearQuiet();
    if (this.#stopped || this.#lanes.length < 2) return;
    const timer = this.#host.clock.setTimeout(() => {
      this.#quiet = undefined;
      this.#becomeOne();
    }, QUIET_MS);
    this.#quiet = { timer };
  }

  /** Nothing has come for a while: the first lane's poll waits for whatever the others wait for, and goes on alone. */
  #becomeOne(): void {
    const [first, ...others] = this.#lanes;
    if (first === undefined) return;
    // On a slow network it is not quiet: answers are on their way.
    if (!first.waiting) {
      this.#watchForQuiet();
      return;
    }
    first.to = Infinity;
    this.#lanes = [first];
    for (const lane of others) {
      this.#drop(lane);
      this.#host.permits.release();
    }
  }

  #drop(lane: Lane): void {
    const { poll } = lane;
    lane.poll = undefined;
    poll?.abort();
  }

  #clearQuiet(): void {
    if (this.#quiet === undefined) return;
    this.#host.clock.clearTimeout(this.#quiet.timer);
    this.#quiet = undefined;
  }
}
