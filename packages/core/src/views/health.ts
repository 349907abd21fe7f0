import type { Revision } from '@holdfast/store';
import { checkNames, invalidArgument } from '@holdfast/store/adapter';
import type { MirrorConnection, MirrorState, ResyncReason, StaleReason } from '../events/state.js';
import type { Runtime } from '../runtime/runtime.js';

export interface HealthOptions {
  /**
   * The longest time without the store, in milliseconds, for which the mirror is `ready`. Default: no limit. With one, an outage of the
   * store takes every process out of its load balancer at the same time.
   */
  readonly maxStaleMs?: number | undefined;
}

/** How a mirror is, as plain data: for readiness probes and for people. Not for liveness probes: a restart brings no store back. */
export interface MirrorHealth {
  /** Whether the mirror serves: from its load until `close()`, and not without the store for longer than `maxStaleMs`. */
  readonly ready: boolean;
  readonly status: MirrorState['status'];
  /** Why the status is `stale` or `resyncing`. */
  readonly reason?: StaleReason | ResyncReason;
  readonly connection: MirrorConnection;
  /** The mirror is complete as of then, in milliseconds since the epoch. */
  readonly asOf: number;
  /**
   * For how long the mirror may have missed something, in milliseconds: 0 while it is live and connected, else since the connection was
   * lost, or since the last proof.
   */
  readonly staleMs: number;
  readonly revision: Revision;
  /** The number of keys that can't be shown as they are in the store. */
  readonly problems: number;
}

/**
 * @throws StoreError `invalid-argument` for a `maxStaleMs` that is no time
 * @internal
 */
export function healthOf(runtime: Runtime, bookmark: { readonly revision: Revision }, given: unknown): MirrorHealth {
  const maxStaleMs = checkMaxStale(given);
  runtime.freshness.notice();
  const { current: state } = runtime.state;
  const { asOf = 0 } = runtime.freshness;
  const { staleMs } = runtime;
  return {
    ready: state.status !== 'closed' && state.status !== 'loading' && staleMs <= maxStaleMs,
    status: state.status,
    ...('reason' in state && { reason: state.reason }),
    connection: state.connection,
    asOf,
    staleMs,
    revision: bookmark.revision,
    problems: [...runtime.table.problems()].length,
  };
}

function checkMaxStale(given: unknown): number {
  const { maxStaleMs = Infinity } = checkNames(given, ['maxStaleMs'], 'health()');
  if (typeof maxStaleMs === 'number' && maxStaleMs >= 0) return maxStaleMs;
  throw invalidArgument('maxStaleMs must be a number of milliseconds from 0, or be left out');
}
