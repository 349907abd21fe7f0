import type { StoreError } from '@holdfast/store';
import type { Core } from './core.js';
import type { ResyncReason, StaleReason } from './state.js';

/** Why following ended, and what to do: read everything again, or watch again from what there is. */
export type FollowEnd =
  | {
      readonly kind: 'resync';
      readonly reason: ResyncReason;
      /** It is certain that what the mirror has is of another history. */
      readonly newHistory: boolean;
      readonly cause?: StoreError | undefined;
    }
  | { readonly kind: 'rewatch'; readonly reason: StaleReason; readonly cause?: StoreError | undefined };

/** What the tasks beside the watch need of the following that they belong to. */
export interface FollowContext {
  readonly core: Core;
  /** Aborts when the following ends. */
  readonly signal: AbortSignal;
  /** Whether the server follows, as far as the watch knows. */
  readonly isWatchLive: boolean;
  /** Ends the following; only the first end counts. */
  end(how: FollowEnd): void;
  /** Resolves when what the watch delivers is proved to be of the mirror's history. */
  verified(): Promise<void>;
  readonly isVerified: boolean;
}
