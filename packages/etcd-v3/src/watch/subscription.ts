import type { StoreError } from '@holdfast/store';
import type { RawHeader } from '../protobuf/header.js';
import type { ServerEnd } from './errors.js';
import { RevisionAssembler, type RevisionGroup } from './events.js';
import type { ConfirmedWatch } from './progress.js';

/** Gets what one watch of a stream delivers. After `ended`, `failed`, `late` or `lost`, nothing follows. */
export interface WatchFollower {
  /** The server follows. This says nothing about pending events, and moves no bookmark (docs/traps.md#trap-2). */
  created(header: RawHeader): void;
  /** All events of one revision. After a new start a revision may come a second time. */
  revision(group: RevisionGroup): void;
  /** Everything up to this revision was sent. */
  progress(revision: number): void;
  ended(end: ServerEnd): void;
  /** The server sent something that this watch can't use. Everything before it is valid. */
  failed(error: StoreError): void;
  /** An event came after those that follow it were delivered: the watch can't continue without a loss. */
  late(error: StoreError): void;
  /** The stream is over, and all of its watches with it. */
  lost(cause: StoreError): void;
}

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
