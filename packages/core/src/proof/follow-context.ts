import type { StoreError } from '@holdfast/store';
import type { Core } from '../runtime/runtime.js';
import type { ResyncReason } from '../events/state.js';

/** Why a following ended: a resync is needed. */
export interface FollowEnd {
  readonly reason: ResyncReason;
  /** The mirror's content is certainly of another history. */
  readonly newHistory: boolean;
  readonly cause?: StoreError | undefined;
}

/** A following, as the tasks beside its watch see it. */
export interface FollowContext {
  readonly core: Core;
  /** Aborts when the following ends. */
  readonly signal: AbortSignal;
  /** Whether the watch is live, by its own state. */
  readonly isWatchLive: boolean;
  /** Whether missed events may still come: nothing was proved since the watch was established, or it is not established. */
  readonly isReplaying: boolean;
  /** Ends the following. Only the first end counts. */
  end(how: FollowEnd): void;
  /** Replaces the watch by another one. `cause`: how it failed; none if it fell silent. */
  replaceWatch(cause?: StoreError): void;
  /** Replaces the watch by one that begins at the table's revision, since a read brought what the watch would replay. */
  skipReplay(): void;
  /** Resolves when the watch's events are proved to be of the mirror's history. */
  verified(): Promise<void>;
  /** Waits after a failed read, at most until the watch has a connection again: then a read gets through too. */
  rest(ms: number): Promise<void>;
  /** Whether there is a watch whose events are proved to be of the mirror's history. */
  readonly isVerified: boolean;
}
