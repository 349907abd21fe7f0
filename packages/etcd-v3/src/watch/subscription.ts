import { RevisionAssembler } from './events.js';
import type { WatchFollower } from './follower.js';
import type { ConfirmedWatch } from './progress.js';

/** One watch at the server, from the request for it until either side ends it. */
export type SubscriptionState =
  | { readonly name: 'creating' }
  /** Not wanted any more, before the server has said under which id it can be cancelled. */
  | { readonly name: 'abandoned' }
  | { readonly name: 'active'; readonly id: number }
  | { readonly name: 'over' };

/** What a subscription needs of its stream. */
export interface SubscriptionHost {
  readonly endpoint: string;
  /** The highest raft term that any answer on the stream carried. */
  readonly raftTerm: number;
  /** The follower does not want it any more. */
  release(subscription: WatchSubscription, was: SubscriptionState): void;
}

/** A watch on a stream, as its follower holds it. */
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

  /** It is gone at the server, by the server's doing or with the stream. */
  finish(): void {
    this.#state = { name: 'over' };
  }

  /** Ends it at the server as well (docs/traps.md#trap-15). The follower is told nothing more. */
  cancel(): void {
    const was = this.#state;
    if (was.name === 'over' || was.name === 'abandoned') return;
    this.#state = was.name === 'creating' ? { name: 'abandoned' } : { name: 'over' };
    this.stream.release(this, was);
  }
}
