import type { ConfigStore, Lease, LeaseId } from '@holdfast/store';

/**
 * When the renewals that a server confirmed were sent, as seen at the store: what a session can know of its lease, whatever it makes of it. All times
 * by `performance.now()`.
 */
export class LeaseClock {
  readonly #sentAt = new Map<LeaseId, number>();
  #writes = 0;

  /** The same store, whose calls are noted. */
  around(store: ConfigStore): ConfigStore {
    const leases = new Proxy(store.leases, {
      get: (target, name) => {
        if (name === 'grant')
          return (...args: Parameters<typeof target.grant>) => this.#noted(() => target.grant(...args));
        if (name === 'keepAlive')
          return (...args: Parameters<typeof target.keepAlive>) => this.#noted(() => target.keepAlive(...args));
        return bound(target, name);
      },
    });
    return new Proxy(store, {
      get: (target, name) => {
        if (name === 'leases') return leases;
        if (name === 'txn') return (...args: Parameters<typeof target.txn>) => this.#counted(target.txn(...args));
        return bound(target, name);
      },
    });
  }

  /** How many writes have no answer yet. */
  get writes(): number {
    return this.#writes;
  }

  /** Milliseconds since the last confirmed renewal of a lease was sent. */
  age(lease: LeaseId): number {
    return performance.now() - (this.#sentAt.get(lease) ?? -Infinity);
  }

  async #noted(call: () => Promise<Lease>): Promise<Lease> {
    const sentAt = performance.now();
    const lease = await call();
    this.#sentAt.set(lease.id, Math.max(sentAt, this.#sentAt.get(lease.id) ?? 0));
    return lease;
  }

  async #counted<T>(write: Promise<T>): Promise<T> {
    this.#writes += 1;
    try {
      return await write;
    } finally {
      this.#writes -= 1;
    }
  }
}

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === 'function' ? (value.bind(target) as unknown) : value;
}
