import { channel } from 'node:diagnostics_channel';
import { isStoreError, type LeaseId, type StoreError, type StoreErrorCode } from '@holdfast/store';

/** A session has begun or ended, on the channel `holdfast:session:state`. */
export interface SessionStateEvent {
  /** The backend: its store's `name`. */
  readonly store: string;
  readonly lease: LeaseId;
  /** Seconds, as granted. */
  readonly ttl: number;
  /** `lost`: with all that is held under it. `closed`: by `close()`. */
  readonly state: 'open' | 'closed' | 'lost';
  /** Of a lost session: what kept it from being renewed, where that is known. */
  readonly code?: StoreErrorCode;
}

/** The channels of sessions, with what is published on each. */
export interface SessionChannels {
  readonly 'holdfast:session:state': SessionStateEvent;
}

const stateChannel = channel('holdfast:session:state');

type Of = Pick<SessionStateEvent, 'store' | 'lease' | 'ttl'>;

export function tellOpened({ store, lease, ttl }: Of): void {
  if (!stateChannel.hasSubscribers) return;
  const event: SessionStateEvent = { store, lease, ttl, state: 'open' };
  stateChannel.publish(event);
}

/** @param reason why the session is over */
export function tellEnded({ store, lease, ttl }: Of, reason: StoreError): void {
  if (!stateChannel.hasSubscribers) return;
  const { cause } = reason;
  const event: SessionStateEvent = {
    ...{ store, lease, ttl },
    state: reason.code === 'session-lost' ? 'lost' : 'closed',
    ...(reason.code === 'session-lost' && isStoreError(cause) && { code: cause.code }),
  };
  stateChannel.publish(event);
}
