import { channel } from 'node:diagnostics_channel';
import type { Revision, StoreErrorCode } from '@holdfast/store';
import type { ChangeCause } from './change.js';
import type { MirrorConnection, MirrorState, ResyncReason, StaleReason } from './state.js';

/** Figures of a mirror as they are when they are read: for gauges. `JSON.stringify` takes them as they are then. */
export interface MirrorFigures {
  readonly status: MirrorState['status'];
  readonly connection: MirrorConnection;
  /** How many keys the mirrored range has, bad ones included. */
  readonly keys: number;
  /** The number of keys that can't be shown as they are in the store. */
  readonly problems: number;
  /** As in `health()`, in milliseconds: 0 while the mirror is live and connected. `undefined` before the load. */
  readonly staleMs: number | undefined;
  readonly revision: Revision | undefined;
}

/** What every event of a mirror has. No event has a value, or a text that may quote one. */
export interface MirrorChannelEvent {
  /** The mirror's `name`. */
  readonly mirror: string;
  /** The backend: its store's `name`. */
  readonly store: string;
  /** The same object in every event of one mirror. */
  readonly figures: MirrorFigures;
}

/** The first load is over, on `holdfast:mirror:load`. */
export interface MirrorLoadEvent extends MirrorChannelEvent {
  /** Milliseconds since the mirror was opened. */
  readonly durationMs: number;
  /** Why the mirror could not load. Absent if it has. */
  readonly code?: StoreErrorCode;
}

/** Keys have changed, on `holdfast:mirror:step`. It is published when the changes are visible, and after the mirror's own events. */
export interface MirrorStepEvent extends MirrorChannelEvent {
  readonly cause: ChangeCause;
  /** How many keys changed. */
  readonly changed: number;
  /** How many problems are new. */
  readonly problems: number;
  readonly revision: Revision;
  /** Milliseconds from the arrival of the batch, or from the begin of the read, until its changes were visible. */
  readonly lagMs: number;
}

/** Something was read again instead of followed, on `holdfast:mirror:resync`. */
export interface MirrorResyncEvent extends MirrorChannelEvent {
  readonly reason: ResyncReason;
  /** How many keys differed. */
  readonly changed: number;
  readonly from: Revision;
  readonly revision: Revision;
  /** Milliseconds that the read took. */
  readonly durationMs: number;
}

/** The state has changed, on `holdfast:mirror:state`. */
export interface MirrorStateEvent extends MirrorChannelEvent {
  readonly status: MirrorState['status'];
  readonly previous: MirrorState['status'];
  readonly connection: MirrorConnection;
  /** Why the status is `stale` or `resyncing`. */
  readonly reason?: StaleReason | ResyncReason;
  /** The code of the failure that keeps the mirror from the store, or that closed it. */
  readonly code?: StoreErrorCode;
  readonly endpoint?: string;
}

/** A key can't be shown as it is in the store, on `holdfast:mirror:problem`. `problems()` of the mirror says why. */
export interface MirrorProblemEvent extends MirrorChannelEvent {
  readonly collection?: string;
  /** Relative, as in `problems()`; absent where the key is not UTF-8. */
  readonly key?: string;
  readonly revision: Revision;
}

/** A comparison with the store in the background is over, on `holdfast:mirror:audit`. */
export interface MirrorAuditEvent extends MirrorChannelEvent {
  /** `different`: a resync follows. `failed`: it is made again. */
  readonly result: 'equal' | 'different' | 'failed';
  readonly durationMs: number;
  /** Why it failed. */
  readonly code?: StoreErrorCode;
}

/** The channels of mirrors, with what is published on each. */
export interface MirrorChannels {
  readonly 'holdfast:mirror:load': MirrorLoadEvent;
  readonly 'holdfast:mirror:step': MirrorStepEvent;
  readonly 'holdfast:mirror:resync': MirrorResyncEvent;
  readonly 'holdfast:mirror:state': MirrorStateEvent;
  readonly 'holdfast:mirror:problem': MirrorProblemEvent;
  readonly 'holdfast:mirror:audit': MirrorAuditEvent;
}

// Their types are Node's, which published types may not need.
/** @internal */
export const channels = {
  load: channel('holdfast:mirror:load'),
  step: channel('holdfast:mirror:step'),
  resync: channel('holdfast:mirror:resync'),
  state: channel('holdfast:mirror:state'),
  problem: channel('holdfast:mirror:problem'),
  audit: channel('holdfast:mirror:audit'),
};
