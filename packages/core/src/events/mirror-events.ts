import type { Bookmark } from '@holdfast/store';
import type { ChangeEvent } from './change.js';
import type { Problem } from './problem.js';
import type { MirrorState, ResyncReason } from './state.js';

/** The mirror read everything again. Emitted after the changes that this read brought. */
export interface ResyncEvent {
  readonly reason: ResyncReason;
  /** The state that the mirror reflected before. */
  readonly from: Bookmark;
  readonly bookmark: Bookmark;
  /** The number of keys that differed. */
  readonly changed: number;
}

/** The events of a mirror, with what their listeners get. */
export interface MirrorEvents<C> {
  /** After every step that changed something: the net changes. */
  readonly change: readonly [event: ChangeEvent<C>];
  readonly state: readonly [state: MirrorState, previous: MirrorState];
  /** A key can't be shown as it is in the store. */
  readonly invalid: readonly [problem: Problem];
  /** Something was read again instead of followed. */
  readonly resync: readonly [event: ResyncEvent];
}

/** The events that don't go through a change feed. */
export type OtherEvents = Omit<MirrorEvents<never>, 'change'>;
