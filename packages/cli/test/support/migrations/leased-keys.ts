import type { ConfigStore, LeaseId } from '@holdfast/store';
import type { Place } from './mover.js';
import { valueOf } from './writer.js';

const KEYS_OF_A_LEASE = 10;

export interface LeasedNames {
  /** Kept alive all the way. */
  readonly renewed: readonly string[];
  /** Left alone: those with a short time end on the way. */
  readonly ending: readonly string[];
}

export interface Lifetimes {
  /** Seconds. */
  readonly renewed: number;
  /** Seconds: that of the nth group of keys that are left alone. */
  readonly ending: (group: number) => number;
}

/** An application with leased keys: it renews leases of etcd v3, and refreshes keys of etcd v2, which makes no event. */
export class LeasedKeys {
  readonly #store: ConfigStore;
  readonly #place: Place;
  readonly #ttl: number;
  readonly #leases: LeaseId[] = [];
  readonly #keys: string[] = [];
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();
  /** How many times something was renewed. */
  renewals = 0;

  constructor(store: ConfigStore, place: Place, ttl: number) {
    this.#store = store;
    this.#place = place;
    this.#ttl = ttl;
  }

  async fill({ renewed, ending }: LeasedNames, lifetimes: Lifetimes): Promise<void> {
    await this.#grant(renewed, () => lifetimes.renewed, true);
    await this.#grant(ending, lifetimes.ending, false);
  }

  start(): void {
    this.#isStopped = false;
    this.#running = this.#renew();
    // Whoever stops it is told.
    this.#running.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #grant(keys: readonly string[], ttlOf: (group: number) => number, isRenewed: boolean): Promise<void> {
    for (let from = 0; from < keys.length; from += KEYS_OF_A_LEASE) {
      const some = keys.slice(from, from + KEYS_OF_A_LEASE);
      const ttl = ttlOf(from / KEYS_OF_A_LEASE);
      if (this.#place.kind === 'v2') {
        await Promise.all(some.map((key) => this.#store.put(key, valueOf(key, 0), { ttl })));
        if (isRenewed) this.#keys.push(...some);
      } else {
        const { id } = await this.#store.leases.grant(ttl);
        await Promise.all(some.map((key) => this.#store.put(key, valueOf(key, 0), { lease: id })));
        if (isRenewed) this.#leases.push(id);
      }
    }
  }

  /** Once around in a third of the time that they have to live. */
  async #renew(): Promise<void> {
    const all = this.#place.kind === 'v2' ? this.#keys : this.#leases;
    const batch = Math.max(1, Math.ceil(all.length / 20));
    while (!this.#isStopped) {
      const began = performance.now();
      for (let from = 0; from < all.length && !this.#isStopped; from += batch) {
        await Promise.all(all.slice(from, from + batch).map((each) => this.#renewOne(each)));
        const due = began + ((this.#ttl * 1_000) / 3) * ((from + batch) / all.length);
        while (!this.#isStopped && performance.now() < due) await new Promise((done) => setTimeout(done, 20));
      }
      if (all.length === 0) return;
    }
  }

  async #renewOne(each: string): Promise<void> {
    if (this.#place.kind === 'v3') await this.#store.leases.keepAlive(each);
    else {
      const body = new URLSearchParams({ refresh: 'true', prevExist: 'true', ttl: String(this.#ttl) });
      const answer = await fetch(`${this.#place.endpoint}/v2/keys${each}`, { method: 'PUT', body });
      if (!answer.ok) throw new Error(`${each} was not refreshed: ${answer.status} ${await answer.text()}`);
    }
    this.renewals += 1;
  }
}
