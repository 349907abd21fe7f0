import { type Clock, type ConfigStore, isStoreError, type LeaseId, type StoreError } from '@holdfast/store';
import { monotonicMs, removeAbortListener, toStoreError, whenAborted } from '@holdfast/store/adapter';
import { Alarm } from '../util/alarm.js';
import type { Lifetime } from './lease-tap.js';

/** Seconds, where the source does not tell how long a lease was granted for. */
const DEFAULT_TTL = 60;
/** How many leases are kept alive at once. */
const AT_ONCE = 16;

interface Held {
  readonly id: LeaseId;
  readonly ttl: number;
}

/** A lease that is kept alive: by the source's lease or key, with the target's id and its keys there. */
export interface HeldLease extends Held {
  readonly name: string;
  readonly keys: readonly string[];
}

export interface HeldLeasesContext {
  readonly source: ConfigStore;
  readonly target: ConfigStore;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A lease ran out at the target all the same: its keys have to be written again. */
  onLost(keys: readonly string[]): void;
}

/**
 * The leases of the target, one for each lease of the source, with its id where that is free. They are kept alive here as long as the
 * source's keys are there: renewing a lease makes no event, so the source's time can't be followed.
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
    const held = await this.#grant(await this.#ttlOf(lifetime), lifetime.lease);
    this.#hold(name, held);
    return held.id;
  }

  /** A lease that a former run of this replication has granted, and put an own key under. */
  async adopt(lifetime: Lifetime, sourceKey: string, id: LeaseId): Promise<void> {
    const name = HeldLeases.nameOf(lifetime, sourceKey);
    if (this.#held.has(name)) return;
    try {
      const { ttl } = await this.#context.target.leases.keepAlive(id, { signal: this.#context.signal });
      this.#hold(name, { id, ttl });
    } catch (error) {
      if (!isStoreError(error, 'lease-not-found')) throw error;
    }
  }

  /** Notes under which lease a key of the target now is. */
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

  /** Forgets the leases that a write did not find. */
  async forgetLost(): Promise<void> {
    for (const [name, { id }] of this.#held) {
      try {
        await this.#context.target.leases.keepAlive(id, { signal: this.#context.signal });
      } catch (error) {
        if (!isStoreError(error, 'lease-not-found')) throw error;
        this.#held.delete(name);
      }
    }
  }

  /** All that are held: the source's lease or key, the target's lease, and its keys. */
  *all(): IterableIterator<HeldLease> {
    for (const [name, held] of this.#held) yield { name, ...held, keys: [...(this.#keys.get(name) ?? [])] };
  }

  /** Leaves a lease to whoever has it by now. */
  release(name: string): void {
    this.#held.delete(name);
  }

  /** Keeps no lease alive any more. */
  async close(): Promise<void> {
    this.#alarm.stop();
    await this.#beating;
  }

  async #ttlOf({ lease, expiresAt }: Lifetime): Promise<number> {
    const { source, clock, signal } = this.#context;
    if (lease === undefined) {
      return expiresAt === undefined ? DEFAULT_TTL : Math.max(1, Math.ceil((expiresAt - clock.now()) / 1000));
    }
    try {
      return (await source.leases.timeToLive(lease, { signal })).grantedTtl;
    } catch (error) {
      // It has just ended: the deletion of its keys follows.
      if (isStoreError(error, 'lease-not-found')) return DEFAULT_TTL;
      throw error;
    }
  }

  async #grant(ttl: number, wanted: LeaseId | undefined): Promise<Held> {
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
  async #takeEmpty(id: LeaseId): Promise<Held | undefined> {
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
    const all = [...this.#held];
    const lost: string[] = [];
    for (let from = 0; from < all.length; from += AT_ONCE) {
      const some = all.slice(from, from + AT_ONCE);
      await Promise.all(
        some.map(async ([name, held]) => {
          try {
            await this.#context.target.leases.keepAlive(held.id, { signal });
          } catch (error) {
            if (!isStoreError(error, 'lease-not-found') || this.#held.get(name) !== held) return;
            this.#held.delete(name);
            lost.push(...(this.#keys.get(name) ?? []));
          }
        }),
      );
    }
    if (lost.length > 0) this.#context.onLost(lost);
  }
}

export function hasLeases({ capabilities }: ConfigStore): boolean {
  return capabilities.leases && capabilities.transactions === 'multi-key';
}
