import { channel, tracingChannel } from 'node:diagnostics_channel';
import type { StoreErrorCode, WriteOutcome } from './errors.js';
import type { WatchState } from './watch.js';

/**
 * A call of a store, on the tracing channel `holdfast:store:call`. One object for all events of a call: what is known at its end is added
 * then. It has no key, no value and no text of a server.
 */
export interface StoreCallEvent {
  /** The backend: the store's `name`. A view has the name of the store below. */
  readonly store: string;
  /** The method: `get`, `txn`, `leases.grant`, … Each page of a `scan` is a call of its own. */
  readonly name: string;
  /** The store's endpoints, without credentials. */
  readonly endpoints: readonly string[];
  /** The endpoint that answered or failed. Before the end only where the store has no other. */
  readonly endpoint?: string;
  /** At the end: milliseconds by the store's clock. */
  readonly durationMs?: number;
  /** At the end: the code of the `StoreError`. Absent if the call succeeded. */
  readonly code?: StoreErrorCode;
  /** At the end of a write that failed: whether it was applied. */
  readonly outcome?: WriteOutcome;
}

/** The connection of a watch has changed, on the channel `holdfast:store:connection`. */
export interface StoreConnectionEvent {
  /** The backend: the store's `name`. */
  readonly store: string;
  /** The store's endpoints, without credentials. */
  readonly endpoints: readonly string[];
  readonly status: Exclude<WatchState['status'], 'connecting'>;
  readonly previous: WatchState['status'];
  /** Where it is known: the endpoint that failed, or the store's only one. */
  readonly endpoint?: string;
  /** Why the watch is interrupted, or why it ended. Absent if its consumer closed it. */
  readonly code?: StoreErrorCode;
}

/** The channels of stores, with what is published on each. */
export interface StoreChannels {
  readonly 'tracing:holdfast:store:call:start': StoreCallEvent;
  readonly 'tracing:holdfast:store:call:end': StoreCallEvent;
  readonly 'tracing:holdfast:store:call:asyncStart': StoreCallEvent;
  readonly 'tracing:holdfast:store:call:asyncEnd': StoreCallEvent;
  readonly 'tracing:holdfast:store:call:error': StoreCallEvent;
  readonly 'holdfast:store:connection': StoreConnectionEvent;
}

// Their types are Node's, which published types may not need.
/** @internal */
export const callChannels = tracingChannel('holdfast:store:call');
/** @internal */
export const connectionChannel = channel('holdfast:store:connection');

/** Whether anyone wants to hear of calls. Before Node 20.13, a tracing channel can't say that itself. */
export function isCallHeard(): boolean {
  const { start, end, asyncStart, asyncEnd, error } = callChannels;
  return (
    start.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers ||
    asyncStart.hasSubscribers ||
    end.hasSubscribers
  );
}
