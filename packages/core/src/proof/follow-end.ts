import type { StoreError } from '@holdfast/store';
import type { ResyncReason } from '../events/state.js';

/** Why the mirror can't follow on from its state, and must read everything again. */
export interface FollowEnd {
  readonly reason: ResyncReason;
  /** Whether the mirror's state is certain to be of another history than the store's. */
  readonly newHistory: boolean;
  readonly cause?: StoreError | undefined;
}

/** A read or a comparison has shown that the store has another history, or went back. */
export const OTHER_HISTORY: FollowEnd = { reason: 'history-changed', newHistory: true };

/** The end of the following that an error of a watch or a read brings; `undefined` if the mirror can follow on after it. */
export function endFor(cause: StoreError): FollowEnd | undefined {
  switch (cause.code) {
    case 'history-changed':
      return { ...OTHER_HISTORY, cause };
    case 'compacted':
    case 'future-revision':
      return { reason: 'compacted', newHistory: false, cause };
    default:
      return undefined;
  }
}

/** After an error that leaves open whether the mirror's state can be continued. */
export function unverified(cause: StoreError): FollowEnd {
  return { reason: 'unverified', newHistory: false, cause };
}
