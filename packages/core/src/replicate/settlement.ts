import type { ConfigStore } from '@holdfast/store';
import { Lock } from '../util/lock.js';
import type { Write } from './ledger.js';
import type { ReplicationContext } from './replication-context.js';
import { type MortalKey, settleLeases } from './settle-leases.js';
import type { TargetWriter } from './target-writer.js';

/** How long a key lives that is written again. */
interface Life {
  readonly lease: string | undefined;
  readonly endsAt?: number | undefined;
}

/** Gives each leased key of the target the time that is left in the source, unless it has it. */
export class Settlement {
  readonly #source: ConfigStore;
  readonly #context: ReplicationContext;
  readonly #writer: TargetWriter;

  constructor(source: ConfigStore, context: ReplicationContext, writer: TargetWriter) {
    this.#source = source;
    this.#context = context;
    this.#writer = writer;
  }

  /** Leases are kept alive no more. */
  async run(): Promise<void> {
    const { target, settings, leases, signal } = this.#context;
    // Leases are settled beside each other, and the record is written by one at a time.
    const lock = new Lock();
    await settleLeases(
      {
        source: this.#source,
        target,
        clock: settings.clock,
        signal,
        move: (keys, lease) => lock.run(() => this.#rewrite(keys, () => ({ lease }))),
        expire: (ends) => this.#rewrite([...ends.keys()], (key) => ({ lease: undefined, endsAt: ends.get(key) })),
        lifetimes: () => this.#leasedKeys(),
      },
      leases,
    );
    await leases.close();
  }

  *#leasedKeys(): IterableIterator<MortalKey> {
    const { own, keys, tap } = this.#context;
    for (const targetKey of own.keys()) {
      const source = keys.sourceOf(targetKey);
      const key = source === undefined ? undefined : keys.source(source);
      const lifetime = key === undefined ? undefined : tap.lifetimeOf(key);
      if (key === undefined || lifetime === undefined || own.get(targetKey)?.isTimed === true) continue;
      yield { key, targetKey, lifetime };
    }
  }

  /** Writes own keys again, with their values as they are in the source. */
  async #rewrite(keys: readonly string[], lifeOf: (key: string) => Life): Promise<void> {
    const writes = keys.flatMap((key): Write[] => {
      const value = this.#writer.wantedAt(key)?.entry.value;
      const over = this.#context.own.get(key)?.revision;
      return value === undefined || over === undefined ? [] : [{ type: 'put', key, over, value, ...lifeOf(key) }];
    });
    await this.#writer.commitBeside(writes);
  }
}
