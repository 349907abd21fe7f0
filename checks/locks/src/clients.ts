import { openSession, type Held, type Session } from '@holdfast/coordination';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { Etcd3 } from 'etcd3';
import type { Grip } from './contender.js';
import type { FaultyClock } from './faulty-clock.js';

/** One client of locks, on one connection of its own. */
export interface Client {
  lock(name: string, options?: { readonly timeoutMs: number }): Promise<Grip>;
  close(): Promise<void>;
}

export class HoldfastClient implements Client {
  readonly #store: ConfigStore;
  readonly #session: Session;

  private constructor(store: ConfigStore, session: Session) {
    this.#store = store;
    this.#session = session;
  }

  static async open(endpoint: string, ttl: number, clock?: FaultyClock): Promise<HoldfastClient> {
    const store = etcdV3Store({ endpoints: [endpoint] });
    return new HoldfastClient(store, await openSession(store, { ttl, clock }));
  }

  get lease(): string {
    return this.#session.lease;
  }

  async lock(name: string, options?: { readonly timeoutMs: number }): Promise<Grip> {
    return gripOf(await this.#session.lock(name, options));
  }

  async close(): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
    await this.#store.close();
  }
}

function gripOf(held: Held): Grip {
  return {
    token: held.token,
    check: () => {
      held.check();
    },
    onLost: (tell) => {
      const { signal } = held;
      if (signal.aborted) tell();
      else signal.addEventListener('abort', tell, { once: true });
    },
    release: () => held.release(),
  };
}

/** `etcd3`'s lock. It has no token and no question: in place of a token stands the number of the holder. */
export class Etcd3Client implements Client {
  static #holders = 0;
  readonly #etcd: Etcd3;
  readonly #ttl: number;

  constructor(endpoint: string, ttl: number) {
    this.#etcd = new Etcd3({ hosts: endpoint });
    this.#ttl = ttl;
  }

  async lock(name: string): Promise<Grip> {
    for (;;) {
      const lock = this.#etcd.lock(name).ttl(this.#ttl);
      try {
        await lock.acquire();
      } catch {
        // It has no queue: its users try again.
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      Etcd3Client.#holders += 1;
      return {
        token: { revision: Etcd3Client.#holders, identity: 'etcd3' } as Grip['token'],
        check: () => undefined,
        // Its users can't get at the lease, which alone would tell them. Here they can.
        onLost: (tell) => (lock as unknown as { readonly lease?: NodeJS.EventEmitter }).lease?.on('lost', tell),
        release: () => lock.release().catch(() => undefined),
      };
    }
  }

  close(): Promise<void> {
    this.#etcd.close();
    return Promise.resolve();
  }
}
