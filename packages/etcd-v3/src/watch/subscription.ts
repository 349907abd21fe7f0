import { RevisionAssembler } from './events.js';
import type { WatchFollower } from './follower.js';
import type { ConfirmedWatch } from './progress.js';

/** The state of one watch at the server, from the request until either side ends it. */
export type SubscriptionState =
  | { readonly name: 'creating' }
  /** Not wanted any more, before the server has given the id to cancel it by. */
  | { readonly name: 'abandoned' }
  | { readonly name: 'active'; readonly id: number }
  | { readonly name: 'over' };

/** A subscription's stream. */
export interface SubscriptionHost {
  readonly endpoint: string;
  /** The highest raft term of any answer on the stream. */
  readonly raftTerm: number;
  /** The follower does not want it any more. */
  release(subscription: WatchSubscription, was: SubscriptionState): void;
}

/** A watch on a stream. */
export class WatchSubscription implements ConfirmedWatch {
  readonly stream: SubscriptionHost;
  readonly follower: WatchFollower;
  readonly asksBefore: number;
  readonly assembler = new RevisionAssembler();
  createdRevision = 0;
  #state: SubscriptionState = { name: 'creating' };

  constructor(stream: SubscriptionHost, follower: WatchFollower, asksBefore: number) {
    this.stream = stream;
    this.follower = follower;
    this.asksBefore = asksBefore;
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  /** The server's answer to the request for it. */
  confirm(id: number, headRevision: number): void {
    this.createdRevision = headRevision;
    this.#state = { name: 'active', id };
  }

  /** The watch is gone at the server: the server ended it, or the stream is over. */
  finish(): void {
    this.#state = { name: 'over' };
  }

  /** Ends the watch, at the server too (docs/traps.md#trap-15). Its follower gets nothing more. */
  cancel(): void {
    const was = this.#state;
    if (was.name === 'over' || was.name === 'abandoned') return;
    this.#state = was.name === 'creating' ? { name: 'abandoned' } : { name: 'over' };
    this.stream.release(this, was);
  }
}
