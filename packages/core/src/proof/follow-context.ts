import type { StoreError } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';
import type { FollowEnd } from './follow-end.js';
import type { Missed } from './missed.js';

/** What the tasks beside the watch need of the following that they belong to. */
export interface FollowContext {
  readonly runtime: Runtime;
  /** Aborts when the following ends. */
  readonly signal: AbortSignal;
  /** Whether the server follows, as far as the watch knows. */
  readonly isWatchLive: boolean;
  /** Whether the mirror was proved complete since the watch was established. */
  readonly isProved: boolean;
  /** Whether nothing shows yet how far the watch is since it was established, or it is not: what was missed may be still to come. */
  readonly isReplaying: boolean;
  readonly missed: Missed;
  /** Ends the following; only the first end counts. */
  end(how: FollowEnd): void;
  /** The watch is not to be relied on: another one takes its place. `cause`: how it failed; none where it fell silent. */
  replaceWatch(cause?: StoreError): void;
  /**
   * What the watch still has to replay is being read, and must not be sent as well: it ends, and another one begins where the table is once
   * the reading has ended, in whatever way.
   */
  skipReplay(reading: Promise<unknown>): void;
  /** Whether the watch has told how far it is since it was established. */
  readonly hasProgressed: boolean;
  /** How often a watch was established. */
  readonly establishments: number;
  /** Resolves when watches were established so often, with how often that was. */
  established(times: number, signal?: AbortSignal): Promise<number>;
  /**
   * Resolves when what the watch delivers is proved to be of the mirror's history.
   *
   * @param graceMs how long the watch may take for its part of that; else as long as an idle one needs
   */
  verified(graceMs?: number): Promise<void>;
  /** Waits after a failed read; not longer than until the watch has a connection again, over which a read gets through as well. */
  rest(ms: number): Promise<void>;
  /** Whether there is a watch, and what it delivers is proved to be of that history. */
  readonly isVerified: boolean;
}
