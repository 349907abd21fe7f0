import type { Proxy, Random, Violation } from '@holdfast/testkit';
import type { Cell } from './cell.js';
import type { World } from './world.js';

/** Everything that is done to a cluster, to its history, or to the network in front of it. */
export const faultKinds = [
  'kill',
  'pause',
  'cut',
  'cut-after-bytes',
  'black-hole',
  'delay',
  'throttle',
  'lagging-follower',
  'leader-kill',
  'quorum-loss',
  'partition',
  'compaction',
  'restore-snapshot',
  'copied-data',
  'overtaken',
  'wipe',
  'auth-revocation',
  'upgrade',
  'foreign-member',
  'proxy-answers',
  'load-balancer',
] as const;

/** Those that are injected only where coordinators take part. */
export const coordinatedKinds = ['token-expiry'] as const;

export type FaultKind = (typeof faultKinds)[number] | (typeof coordinatedKinds)[number];

/**
 * One kind of fault. An injection of it goes as follows; the runner does all but `inject` and what that returns.
 *
 * 1. A settled world: all mirrors live and equal to the store. The writers run, raw watches are opened and ready.
 * 2. `inject()`. It resolves when the damage is done *and verified to be real* (the connection is gone, the process does not
 *    answer, the revision is compacted, the restored server has an older revision); it throws {@link NotInjected} where the
 *    fault did not take effect. Then it is undone by what `inject` did itself before throwing, and the injection does not count.
 *    `inject` itself lets the fault last: for a random time of its own choosing (200 to 1,500 ms unless the kind needs more).
 * 3. `heal()`. From its call on the runner reads linearizably, without Holdfast, through all `world.proxies`; convergence is
 *    measured from the first such read that succeeds until every mirror is live and reflects what that read showed.
 * 4. `cleanUp()`, once convergence was measured: whatever has to be put in order before the next injection and that
 *    mirrors must not need to converge (such as starting a killed leader again).
 * 5. Writers are paused, and everything is checked. Then the next injection begins in the same world, unless `endsWorld`.
 */
export interface Fault {
  readonly kind: FaultKind;
  /**
   * Which world it needs; `'plain'` by default. `'secured'`: users are on, see {@link World.user}. `'balanced'`: the store under test has one
   * endpoint, see {@link World.balancer}.
   */
  readonly world?: WorldKind;
  appliesTo(cell: Cell): boolean;
  /**
   * @param random everything random in the injection comes from here, so that a seed gives the same injection again
   * @throws NotInjected where the fault did not take effect; anything else is a failure of the harness and ends the world
   */
  inject(world: World, random: Random): Promise<Injection>;
}

export type WorldKind = 'plain' | 'secured' | 'balanced';

/** A fault that is in effect. */
export interface Injection {
  /** Undoes the fault as far as mirrors need it; resolves when that is done. */
  heal(): Promise<void>;
  /** See {@link Fault}. */
  cleanUp?(): Promise<void>;
  /** Of `world.proxies`, those that lead elsewhere than to the cluster until `verify`: what is read there tells nothing of it. */
  readonly strangers?: readonly Proxy[];
  /** Finds what only this kind can see. Called once after mirrors have converged, before `cleanUp`. */
  verify?(): Promise<readonly Violation[]>;
  /**
   * The store holds another history now than when `inject` was called. `inject` must then have called `world.truth.catchUp()`
   * with the writers paused *before* it replaced the history, `world.beginEpoch()` with the writers still paused once the
   * new history is served, and only then `world.writers.resume()`.
   */
  readonly replacesHistory?: boolean;
  /** The world can't be used any more after this injection was checked (such as after an upgrade). */
  readonly endsWorld?: boolean;
  /** Why convergence may take longer than the general goal; the runner adds what it observes (backlog, relist) by itself. */
  readonly bound?: Bound;
  /** What was chosen, for the report: which member, how long, how many bytes. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/**
 * `keepalive`: the dead connection is noticed only by the store's keepalive, so that convergence is held against
 * `world.settings.keepaliveBoundMs`. `relist`: mirrors must read everything again, with jitter. `leaderless`: connections work and lead to a
 * member without a leader, which has to be noticed and left; convergence is held against `world.settings.leaderlessBoundMs`.
 */
export type Bound = 'keepalive' | 'relist' | 'leaderless';

/** The fault did not take effect: the injection does not count, and is tried again. */
export class NotInjected extends Error {
  override readonly name = 'NotInjected';
}
