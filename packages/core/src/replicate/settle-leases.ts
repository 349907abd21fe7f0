import { type Clock, type ConfigStore, isStoreError, type KeyValue, type LeaseId } from '@holdfast/store';
import type { HeldLease, HeldLeases } from './held-leases.js';
import { inPool } from './in-pool.js';
import { isMortal, type Lifetime } from './lease-tap.js';

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
    await settleOne(context, held);
    // Not before: the others are kept alive until it is their turn.
    leases.release(held.name);
  });
}

/** When each of some keys ends: now, if it has ended in the source already, and whoever deletes it here has not heard of that. */
async function endsOf(context: SettleContext, keys: readonly MortalKey[]): Promise<ReadonlyMap<string, number>> {
  const { clock } = context;
  const ends = new Map<string, number>();
  const ofLeases = new Map<LeaseId, Promise<number | undefined>>();
  await inPool(keys, async ({ key, targetKey, lifetime: { lease } }) => {
    let left: number | undefined;
    if (lease === undefined) {
      const item = await context.source.get(key, { signal: context.signal });
      // It has no end by now.
      if (item !== undefined && !isMortal(item)) return;
      left = item === undefined ? undefined : await leftOfItem(context, item);
    } else {
      const asked = ofLeases.get(lease) ?? leftOfLease(context, lease);
      ofLeases.set(lease, asked);
      left = await asked;
    }
    ends.set(targetKey, clock.now() + (left ?? 0) * 1_000);
  });
  return ends;
}

async function settleOne(context: SettleContext, { name, id, ttl, keys }: HeldLease): Promise<void> {
  const { target, signal } = context;
  const lease = name.startsWith('lease ') ? name.slice('lease '.length) : undefined;
  const left = await (lease === undefined
    ? leftOfKey(context, name.slice('key '.length))
    : leftOfLease(context, lease));
  // It has ended in the source, and so do its keys here.
  if (left === undefined) return;
  const wanted = lease ?? id;
  if (id === wanted && Math.abs(left - ttl) <= TOLERATED_S) {
    await target.leases.keepAlive(id, { signal });
    return;
  }
  const began = context.clock.now();
  if (id === wanted) {
    const { id: waiting } = await target.leases.grant(Math.max(60, ttl), { signal });
    await context.move(keys, waiting);
    await target.leases.revoke(id, { signal });
    await grantAndMove(context, wanted, left, began, keys);
    await target.leases.revoke(waiting, { signal });
  } else {
    await grantAndMove(context, wanted, left, began, keys);
    await target.leases.revoke(id, { signal }).catch(() => undefined);
  }
}

async function grantAndMove(
  { target, clock, signal, ...context }: SettleContext,
  id: LeaseId,
  left: number,
  began: number,
  keys: readonly string[],
): Promise<void> {
  await revokeEmpty(target, id, signal);
  // Not before: a busy server takes its time.
  const ttl = Math.max(1, Math.round(left - (clock.now() - began) / 1_000));
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

async function leftOfLease({ source, signal }: SettleContext, id: LeaseId): Promise<number | undefined> {
  try {
    return (await source.leases.timeToLive(id, { signal })).ttl;
  } catch (error) {
    if (isStoreError(error, 'lease-not-found')) return undefined;
    throw error;
  }
}

async function leftOfKey(context: SettleContext, key: string): Promise<number | undefined> {
  const item = await context.source.get(key, { signal: context.signal });
  return item === undefined ? undefined : leftOfItem(context, item);
}

async function leftOfItem(context: SettleContext, { lease, expiresAt }: KeyValue): Promise<number | undefined> {
  if (lease !== undefined) return leftOfLease(context, lease);
  return expiresAt === undefined ? undefined : (expiresAt - context.clock.now()) / 1_000;
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
