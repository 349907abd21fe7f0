import { type Clock, type ConfigStore, isStoreError, type KeyValue, type LeaseId } from '@holdfast/store';
import type { HeldLease, HeldLeases } from './held-leases.js';
import { inPool } from './in-pool.js';
import { isMortal, type Lifetime } from './lease-tap.js';
import { secondsUntil } from './seconds-until.js';

/** The time that is left may differ by this much, in seconds, before a lease is granted anew for it. */
const TOLERATED_S = 1;
/** How many keys of a target without leases are given their times at once. */
const KEYS_AT_ONCE = 64;

export interface SettleContext {
  readonly source: ConfigStore;
  readonly target: ConfigStore;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Puts keys of the target under another lease, with their values as they are. */
  readonly move: (keys: readonly string[], lease: LeaseId) => Promise<void>;
  /** Gives keys of a target without leases an end, in milliseconds since the epoch. */
  expire(ends: ReadonlyMap<string, number>): Promise<void>;
  /** The source's keys with a time to live, for a target without leases. */
  lifetimes(): Iterable<MortalKey>;
}

export interface MortalKey {
  /** The source's key, in full. */
  readonly key: string;
  readonly targetKey: string;
  readonly lifetime: Lifetime;
}

/**
 * Gives each leased key of the target the time that is left in the source. From then on nobody but the application keeps its leases alive.
 *
 * A lease can't be shortened. So one whose time is not full is granted anew, under the same id: its keys wait under another one meanwhile,
 * and are there all the time.
 */
export async function settleLeases(context: SettleContext, leases: HeldLeases): Promise<void> {
  const { target } = context;
  if (!leases.isPossible) {
    if (!target.capabilities.ttl) return;
    const all = [...context.lifetimes()];
    for (let from = 0; from < all.length; from += KEYS_AT_ONCE) {
      const ends = await endsOf(context, all.slice(from, from + KEYS_AT_ONCE));
      if (ends.size > 0) await context.expire(ends);
    }
    return;
  }
  await inPool([...leases.all()], async (held) => {
    await settleOne(context, held, leases);
    // Not before: the others are kept alive until it is their turn.
    leases.release(held.name);
  });
}

/** When each of some keys ends: now, if it has ended in the source already, and whoever deletes it here has not heard of that. */
async function endsOf(context: SettleContext, keys: readonly MortalKey[]): Promise<ReadonlyMap<string, number>> {
  const ends = new Map<string, number>();
  const ofLeases = new Map<LeaseId, Promise<number | undefined>>();
  await inPool(keys, async ({ key, targetKey, lifetime: { lease } }) => {
    let end: number | undefined;
    if (lease === undefined) {
      const item = await context.source.get(key, { signal: context.signal });
      // It has no end by now.
      if (item !== undefined && !isMortal(item)) return;
      end = item === undefined ? undefined : await endOfItem(context, item);
    } else {
      const asked = ofLeases.get(lease) ?? endOfLease(context, lease);
      ofLeases.set(lease, asked);
      end = await asked;
    }
    ends.set(targetKey, end ?? context.clock.now());
  });
  return ends;
}

async function settleOne(
  context: SettleContext,
  { name, id, ttl, keys }: HeldLease,
  leases: HeldLeases,
): Promise<void> {
  const { target, signal, clock } = context;
  const lease = name.startsWith('lease ') ? name.slice('lease '.length) : undefined;
  const end = await (lease === undefined ? endOfKey(context, name.slice('key '.length)) : endOfLease(context, lease));
  // It has ended in the source, and so do its keys here.
  if (end === undefined) return;
  const wanted = lease ?? id;
  if (id !== wanted) {
    await grantAndMove(context, wanted, end, keys);
    await target.leases.revoke(id, { signal }).catch(() => undefined);
    return;
  }
  const isFull = () => Math.abs(secondsUntil(end, clock) - ttl) <= TOLERATED_S;
  if (isFull()) {
    await leases.whileResting(name, () => target.leases.keepAlive(id, { signal }));
    // Else that took long, and the lease has more than is left.
    if (isFull()) return;
  }
  const { id: waiting } = await target.leases.grant(Math.max(60, ttl), { signal });
  await context.move(keys, waiting);
  await leases.whileResting(name, async () => {
    await target.leases.revoke(id, { signal });
    await grantAndMove(context, wanted, end, keys);
  });
  await target.leases.revoke(waiting, { signal });
}

async function grantAndMove(
  { target, clock, signal, ...context }: SettleContext,
  id: LeaseId,
  end: number,
  keys: readonly string[],
): Promise<void> {
  await revokeEmpty(target, id, signal);
  // Not before: a busy server takes its time.
  const ttl = secondsUntil(end, clock);
  let granted: LeaseId;
  try {
    ({ id: granted } = await target.leases.grant(ttl, { id, signal }));
  } catch (error) {
    // Somebody else has that id.
    if (!isStoreError(error, 'conflict')) throw error;
    ({ id: granted } = await target.leases.grant(ttl, { signal }));
  }
  await context.move(keys, granted);
}

/**
 * When a lease ends, in milliseconds since the epoch. The time that is left counts from the answer on: so a key never ends sooner than in the
 * source for a read that took long, and later by no more than that read took.
 */
async function endOfLease({ source, clock, signal }: SettleContext, id: LeaseId): Promise<number | undefined> {
  try {
    const { ttl } = await source.leases.timeToLive(id, { signal });
    return clock.now() + ttl * 1_000;
  } catch (error) {
    if (isStoreError(error, 'lease-not-found')) return undefined;
    throw error;
  }
}

async function endOfKey(context: SettleContext, key: string): Promise<number | undefined> {
  const item = await context.source.get(key, { signal: context.signal });
  return item === undefined ? undefined : endOfItem(context, item);
}

async function endOfItem(context: SettleContext, { lease, expiresAt }: KeyValue): Promise<number | undefined> {
  return lease === undefined ? expiresAt : endOfLease(context, lease);
}

/** Ends a lease without keys: it is left of a cut over that was killed, with another time. */
async function revokeEmpty({ leases }: ConfigStore, id: LeaseId, signal: AbortSignal): Promise<void> {
  try {
    const { keys } = await leases.timeToLive(id, { keys: true, signal });
    if (keys?.length === 0) await leases.revoke(id, { signal });
  } catch (error) {
    if (!isStoreError(error, 'lease-not-found')) throw error;
  }
}
