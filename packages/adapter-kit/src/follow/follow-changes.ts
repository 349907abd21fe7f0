import type { Clock } from '@holdfast/store';
import {
  backgroundClock,
  checkClock,
  checkMs,
  checkNames,
  invalidArgument,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  type WatchSink,
} from '@holdfast/store/adapter';
import { Bell, type Doorbell } from './bell.js';
import type { ChangeSource } from './changes.js';
import { Follower } from './follower.js';

export interface FollowChangesOptions extends ChangeSource {
  /** Shortens the wait for changes. Without it, a watch looks every `pollMs`. */
  readonly doorbell?: Doorbell;
  /** How long a watch waits for the doorbell before it looks again, in milliseconds. Default: 1,000. */
  readonly pollMs?: number;
  /** How long the bookmark of a watch may lag behind the store while its own range is idle, in milliseconds. Default: 100. */
  readonly progressMs?: number;
  /** The clock for these waits. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** The `watch` of a driver. */
export type DriverWatchMethod = (range: KeyRange, options: DriverWatchOptions, sink: WatchSink) => DriverWatch;

/**
 * Makes a driver's `watch` of two reads: where the store stands, and what has changed since a revision. It does what every such `watch` has
 * to: identity, head and compaction are checked before any event; events come in whole revisions, filtered by range, `only` and `previous`;
 * a full consumer is left alone until it resumes; bookmarks move while the range is idle; and an outage is told and ridden out, with growing
 * pauses.
 *
 * A read that fails with an error that is `retryable`, such as `unavailable`, interrupts the watch. Any other error ends it.
 *
 * @throws StoreError `invalid-argument`
 */
export function followChanges(options: FollowChangesOptions): DriverWatchMethod {
  checkNames(options, ['head', 'changesSince', 'doorbell', 'pollMs', 'progressMs', 'clock'], 'followChanges()');
  for (const name of ['head', 'changesSince'] as const) {
    if (typeof options[name] !== 'function') throw invalidArgument(`followChanges() needs a function ${name}`);
  }
  const { doorbell, pollMs = 1_000, progressMs = 100 } = options;
  if (doorbell !== undefined && typeof doorbell !== 'function') throw invalidArgument('doorbell must be a function');
  const shared = {
    source: options,
    bell: new Bell(doorbell),
    clock: backgroundClock(checkClock(options.clock)),
    pollMs: checkMs(pollMs, 'pollMs'),
    progressMs: checkMs(progressMs, 'progressMs'),
  };
  return (range, watch, sink) => new Follower(shared, range, watch, sink);
}
