import type { Clock, StoreError, TimerHandle } from '@holdfast/store';
import type { V2Event } from '../json/codec.js';

/** What one long poll brought: the first event of the range at or past the index that was asked for. */
export interface Polled {
  readonly event: V2Event;
  /** The event's index. */
  readonly index: number;
  /** The server's index when it took the request. */
  readonly head: number;
}

export interface LaneHandlers {
  /** The server has taken the request. Where it had the answer, that follows at once. */
  onWaiting(): void;
  onEvent(polled: Polled): void;
  /** The answer was empty: the server was about to end. */
  onEmpty(): void;
  onFail(error: StoreError): void;
}

/** What lanes need of the watch that they work for. */
export interface LaneHost {
  /** Asks for the first event at or past `from`. Handlers are called later, never from within. */
  poll(from: number, handlers: LaneHandlers): { abort(): void };
  /** Takes the next event in order; `false`: no more are wanted. */
  deliver(event: V2Event, index: number): boolean;
  /** The first failure; nothing is delivered after it. */
  fail(error: StoreError): void;
  /** How many polls may be under way beside the first one, over all watches of the store. */
  readonly permits: Permits;
  readonly clock: Clock;
}

/** A budget of things that may be had at once. */
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

/** A stretch of indexes that one poll after another goes through. */
interface Lane {
  /** The next index to ask for: everything of the stretch before it was brought. */
  from: number;
  /** The stretch's last index; `Infinity` for the last lane. */
  to: number;
  /** What was brought, while lanes before this one are not done. */
  readonly brought: { readonly event: V2Event; readonly index: number }[];
  done: boolean;
  poll: { abort(): void } | undefined;
  /** The server has taken the poll. */
  waiting: boolean;
}

/** A stretch is divided while more indexes than this are known to be left of it. */
const WORTH_DIVIDING = 4;
/** After how long without an event lanes that wait beside the first are given up, in milliseconds. */
const QUIET_MS = 250;

/**
 * Long polls that follow a range. A poll brings one event, so that one poll at a time catches up no faster than one event
 * per round trip, and a busy event loop makes a round trip long: a burst would leave the server's window of 1,000 events
 * behind. So a follower that is behind asks at several places at once: it divides what it knows to be left into two
 * stretches, and each of those again, and delivers what they bring in the order of the indexes.
 *
 * Nothing is lost, since a poll from `w` that brings index `m` proves that `m` is the only event of the range in
 * `[w, m]`, and the stretches are without gaps. A lane that waits in a stretch without events holds up nothing: whatever
 * comes next wakes it as well.
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

  /** Ends all polls; nothing is delivered any more. */
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
      onEmpty: () => {
        lane.poll = undefined;
        this.#ask(lane);
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
      // The next poll is under way before this event is looked at: the round trip is what limits a watch.
      this.#ask(lane);
    }
    this.#deliver();
    this.#watchForQuiet();
  }

  /** Gives the upper half of what is known to be left to a lane of its own. */
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
