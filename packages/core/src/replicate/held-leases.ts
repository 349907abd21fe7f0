import { type Clock, type ConfigStore, isStoreError, type LeaseId, type StoreError } from '@holdfast/store';
import { monotonicMs, removeAbortListener, toStoreError, whenAborted } from '@holdfast/store/adapter';
import { Alarm } from '../util/alarm.js';
import { inPool } from './in-pool.js';
import type { Lifetime } from './lease-tap.js';
import { secondsUntil } from './seconds-until.js';

/** Seconds, where the source does not tell how long a lease was granted for. */
const DEFAULT_TTL = 60;
/** How many leases are kept alive at once, and how many are looked at in a round. */
const AT_ONCE = 16;

/** A lease of the target. `ttl` in seconds. */
interface Lease {
  readonly id: LeaseId;
  readonly ttl: number;
}

interface Held extends Lease {
  /** When it was certainly alive, on both clocks. */
  readonly aliveAt: Moment;
}

/** One moment, on the wall clock and on the one that nobody sets. In milliseconds. */
interface Moment {
  readonly wall: number;
  readonly steady: number;
}

/** A lease that is kept alive: by the source's lease or key, with the target's id and its keys there. */
export interface HeldLease extends Lease {
  readonly name: string;
  readonly keys: readonly string[];
}

export interface HeldLeasesContext {
  readonly source: ConfigStore;
  readonly target: ConfigStore;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A lease ran out at the target all the same, or may have: those of its keys that are gone have to be written again. */
  onLost(keys: readonly string[]): void;
}

/**
 * The leases of the target, one for each lease of the source, with its id where that is free. They are kept alive here as long as the
 * source's keys are there: renewing a lease makes no event, so the source's time can't be followed.
 *
 * That a lease is alive does not prove that it is the same: it may have run out, and another replicator of this name, which does not know yet
 * that it has lost the record, may have granted it anew. So a lease is looked at when it may have run out; and a few of all in each round.
 */
export class HeldLeases {
  readonly #context: HeldLeasesContext;
  /** By the source's lease, or by the key where the source has a time to live without leases. */
  readonly #held = new Map<string, Held>();
  /** The keys of the target under each. */
  readonly #keys = new Map<string, Set<string>>();
  readonly #sourceOf = new Map<string, string>();
  /** Those that may have no keys any more. */
  readonly #idle = new Set<string>();
  readonly #granting = new Map<string, Promise<LeaseId>>();
  /** Those whose time is being set. */
  readonly #resting = new Set<string>();
  /** The renewals that are under way in a round. */
  readonly #renewing = new Map<string, Promise<void>>();
  /** How many were looked at since the first one. */
  #lookedAt = 0;
  #beating: Promise<void> | undefined;
  readonly #alarm: Alarm;

  constructor(context: HeldLeasesContext) {
    this.#context = context;
    this.#alarm = new Alarm(context.clock);
  }

  /** Whether the target has leases, and writes under them as a whole. Elsewhere a key's time to live is set at cut over only. */
  get isPossible(): boolean {
    return hasLeases(this.#context.target);
  }

  /** What a lease is held under. */
  static nameOf(lifetime: Lifetime, sourceKey: string): string {
    return lifetime.lease === undefined ? `key ${sourceKey}` : `lease ${lifetime.lease}`;
  }

  /** The target's lease for a lease of the source, granted if there is none yet. */
  async ensure(lifetime: Lifetime, sourceKey: string): Promise<LeaseId> {
    const name = HeldLeases.nameOf(lifetime, sourceKey);
    const known = this.#held.get(name);
    if (known !== undefined) return known.id;
    // Several keys may ask for it at once.
    const granting = this.#granting.get(name) ?? this.#begin(name, lifetime);
    this.#granting.set(name, granting);
    try {
      return await granting;
    } finally {
      this.#granting.delete(name);
    }
  }

  async #begin(name: string, lifetime: Lifetime): Promise<LeaseId> {
    const ttl = await this.#ttlOf(lifetime);
    const aliveAt = this.#now;
    const granted = await this.#grant(ttl, lifetime.lease);
    this.#hold(name, { ...granted, aliveAt });
    return granted.id;
  }

  /** A lease that a former run of this replication has granted, and put an own key under. */
  async adopt(lifetime: Lifetime, sourceKey: string, id: LeaseId): Promise<void> {
    const name = HeldLeases.nameOf(lifetime, sourceKey);
    if (this.#held.has(name)) return;
    const aliveAt = this.#now;
    try {
      const { ttl } = await this.#context.target.leases.keepAlive(id, { signal: this.#context.signal });
      this.#hold(name, { id, ttl, aliveAt });
    } catch (error) {
      if (!isStoreError(error, 'lease-not-found')) throw error;
    }
  }

  /** Notes with what a key of the target ends: under that lease it is there, where the target has leases. */
  place(targetKey: string, name: string | undefined): void {
    const before = this.#sourceOf.get(targetKey);
    if (before === name) return;
    if (before !== undefined) {
      this.#keys.get(before)?.delete(targetKey);
      this.#idle.add(before);
    }
    if (name === undefined) {
      this.#sourceOf.delete(targetKey);
      return;
    }
    this.#sourceOf.set(targetKey, name);
    const keys = this.#keys.get(name);
    if (keys === undefined) this.#keys.set(name, new Set([targetKey]));
    else keys.add(targetKey);
  }

  /** Whether a key of the target ends with a lease or a time to live of the source. */
  isPlaced(targetKey: string): boolean {
    return this.#sourceOf.has(targetKey);
  }

  /** The leases without keys: they end. */
  async sweep(): Promise<void> {
    for (const name of this.#idle) {
      this.#idle.delete(name);
      const id = this.#held.get(name)?.id;
      if (id === undefined || (this.#keys.get(name)?.size ?? 0) > 0) continue;
      this.release(name);
      this.#keys.delete(name);
      try {
        // Not where somebody else has put a key under it.
        const { keys } = await this.#context.target.leases.timeToLive(id, { keys: true, signal: this.#context.signal });
        if (keys?.length === 0) await this.#context.target.leases.revoke(id, { signal: this.#context.signal });
      } catch (error) {
        // It runs out by itself, since nobody keeps it alive.
        if (this.#context.signal.aborted) throw error;
      }
    }
  }

  /** Forgets the leases that are gone, as a write has found. Their other keys are gone too. */
  async forgetLost(): Promise<void> {
    for (const [name, held] of this.#held) await this.#keepAlive(name, held);
  }

  /** All that are held: the source's lease or key, the target's lease, and its keys. */
  *all(): IterableIterator<HeldLease> {
    for (const [name, { id, ttl }] of this.#held) yield { name, id, ttl, keys: this.#keysOf(name) };
  }

  /** Leaves a lease to whoever has it by now. */
  release(name: string): void {
    this.#held.delete(name);
  }

  /** Does not keep a lease alive while its time is set, which would start it again. If that fails, it is held as before. */
  async whileResting(name: string, work: () => Promise<unknown>): Promise<void> {
    this.#resting.add(name);
    try {
      await this.#renewing.get(name)?.catch(() => undefined);
      await work();
    } finally {
      this.#resting.delete(name);
    }
  }

  /** Keeps no lease alive any more. */
  async close(): Promise<void> {
    this.#alarm.stop();
    await this.#beating;
  }

  async #ttlOf({ lease, expiresAt }: Lifetime): Promise<number> {
    const { source, clock, signal } = this.#context;
    if (lease === undefined) {
      return expiresAt === undefined ? DEFAULT_TTL : secondsUntil(expiresAt, clock);
    }
    try {
      return (await source.leases.timeToLive(lease, { signal })).grantedTtl;
    } catch (error) {
      // It has just ended: the deletion of its keys follows.
      if (isStoreError(error, 'lease-not-found')) return DEFAULT_TTL;
      throw error;
    }
  }

  async #grant(ttl: number, wanted: LeaseId | undefined): Promise<Lease> {
    const { target, signal } = this.#context;
    if (wanted === undefined) return target.leases.grant(ttl, { signal });
    try {
      return await target.leases.grant(ttl, { id: wanted, signal });
    } catch (error) {
      const { code } = toStoreError(error);
      if (code !== 'conflict' && code !== 'unsupported' && code !== 'invalid-argument') throw error;
    }
    return (await this.#takeEmpty(wanted)) ?? target.leases.grant(ttl, { signal });
  }

  /** A lease of that id without keys: granted by a call whose answer was lost. */
  async #takeEmpty(id: LeaseId): Promise<Lease | undefined> {
    const { target, signal } = this.#context;
    try {
      const { grantedTtl, keys } = await target.leases.timeToLive(id, { keys: true, signal });
      return keys?.length === 0 ? { id, ttl: grantedTtl } : undefined;
    } catch (error) {
      const failure: StoreError = toStoreError(error);
      if (failure.code === 'lease-not-found' || failure.code === 'unsupported') return undefined;
      throw error;
    }
  }

  /** A third of the shortest time to live passes between two rounds. */
  async #beat(): Promise<void> {
    const { signal } = this.#context;
    const end = () => {
      this.#alarm.stop();
    };
    whenAborted(signal, end);
    try {
      while (!this.#alarm.isStopped) {
        const began = monotonicMs(this.#context.clock);
        let left: number;
        // A new lease may be shorter than all others: it rings.
        while ((left = began + this.#roundMs - monotonicMs(this.#context.clock)) > 0 && !this.#alarm.isStopped) {
          await this.#alarm.wait(left);
        }
        if (!this.#alarm.isStopped) await this.#keepAllAlive(signal);
      }
    } finally {
      removeAbortListener(signal, end);
    }
  }

  get #roundMs(): number {
    return (Math.min(DEFAULT_TTL, ...[...this.#held.values()].map(({ ttl }) => ttl)) * 1000) / 3;
  }

  #hold(name: string, held: Held): void {
    this.#held.set(name, held);
    this.#idle.add(name);
    this.#alarm.ring();
    this.#beating ??= this.#beat();
  }

  async #keepAllAlive(signal: AbortSignal): Promise<void> {
    await inPool([...this.#held], async ([name, held]) => {
      const renewing = this.#keepAlive(name, held);
      this.#renewing.set(name, renewing);
      try {
        await renewing;
      } catch {
        // The next round tries again.
      } finally {
        this.#renewing.delete(name);
      }
    });
    if (!signal.aborted) await this.#lookAtSome(signal);
  }

  async #keepAlive(name: string, held: Held): Promise<void> {
    const { target, signal } = this.#context;
    const aliveAt = this.#now;
    try {
      if (this.#resting.has(name)) await target.leases.timeToLive(held.id, { signal });
      else await target.leases.keepAlive(held.id, { signal });
      if (this.#held.get(name) !== held) return;
      const mayBeAnother = elapsed(held.aliveAt, this.#now) >= held.ttl * 1000;
      this.#held.set(name, { ...held, aliveAt });
      if (mayBeAnother) this.#context.onLost(this.#keysOf(name));
    } catch (error) {
      if (!isStoreError(error, 'lease-not-found')) throw error;
      if (this.#held.get(name) !== held) return;
      this.#held.delete(name);
      this.#context.onLost(this.#keysOf(name));
    }
  }

  /** Whether the keys are under the next few leases, in turn. */
  async #lookAtSome(signal: AbortSignal): Promise<void> {
    const { target } = this.#context;
    const names = [...this.#held.keys()];
    const some = names.slice(this.#lookedAt, this.#lookedAt + AT_ONCE);
    this.#lookedAt = some.length < AT_ONCE ? 0 : this.#lookedAt + AT_ONCE;
    await inPool(some, async (name) => {
      const id = this.#held.get(name)?.id;
      if (id === undefined) return;
      try {
        const { keys } = await target.leases.timeToLive(id, { keys: true, signal });
        const there = new Set(keys);
        const gone = keys === undefined ? [] : this.#keysOf(name).filter((key) => !there.has(key));
        if (gone.length > 0) this.#context.onLost(gone);
      } catch {
        // The next round tells whether it is gone.
      }
    });
  }

  #keysOf(name: string): readonly string[] {
    return [...(this.#keys.get(name) ?? [])];
  }

  get #now(): Moment {
    const { clock } = this.#context;
    return { wall: clock.now(), steady: monotonicMs(clock) };
  }
}

/** At least so many milliseconds, or more: the steady clock may stand still while a machine sleeps, and the wall clock may be set. */
function elapsed(since: Moment, until: Moment): number {
  return Math.max(until.wall - since.wall, until.steady - since.steady);
}

export function hasLeases({ capabilities }: ConfigStore): boolean {
  return capabilities.leases && capabilities.transactions === 'multi-key';
}
