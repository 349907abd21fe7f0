import type { CreateRequest } from '../protobuf/watch.js';
import type { WatchFollower } from './follower.js';
import type { WatchSubscription } from './subscription.js';

/** A watch that only tests whether the server answers. Nobody writes this key. */
export const PROBE: CreateRequest = {
  key: Uint8Array.of(0),
  rangeEnd: undefined,
  startRevision: 0,
  previous: false,
  only: 'delete',
  progressNotify: false,
};

const nothing = (): void => undefined;

/** Cancels its watch when the server has confirmed it. A refusal is an answer too. */
export class ProbeFollower implements WatchFollower {
  subscription: WatchSubscription | undefined;
  readonly revision = nothing;
  readonly progress = nothing;
  readonly ended = nothing;
  readonly failed = nothing;
  readonly late = nothing;
  readonly lost = nothing;

  created(): void {
    this.subscription?.cancel();
  }
}
