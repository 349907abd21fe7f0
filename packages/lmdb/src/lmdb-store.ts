import { GuardedStore, invalidArgument, safeLogger } from '@holdfast/store/adapter';
import { resolve } from 'node:path';
import type { Engine } from './engine/engine.js';
import { engineFor } from './engine/shared-engines.js';
import { LmdbDriver } from './lmdb-driver.js';
import { resolveOptions, type LmdbStoreOptions } from './options.js';

/** A store in a folder, and what it can do beyond the contract. {@link lmdbStore} makes it. */
export class LmdbStore extends GuardedStore {
  readonly #engine: Engine;

  private constructor(engine: Engine, driver: LmdbDriver, options: LmdbStoreOptions) {
    const { clock, logger, timeoutMs, bufferBytes } = options;
    super(driver, { clock, logger, timeoutMs, bufferBytes });
    this.#engine = engine;
  }

  /** @internal Use {@link lmdbStore}. */
  static create(options: LmdbStoreOptions): LmdbStore {
    const { name, maxRequestBytes, maxTxnOperations, ...engineOptions } = resolveOptions(options);
    const { clock, pollMs, progressMs } = engineOptions;
    const engine = engineFor(engineOptions, safeLogger(options.logger));
    const driver = new LmdbDriver(engine, { name, maxRequestBytes, maxTxnOperations, pollMs, progressMs, clock });
    return new LmdbStore(engine, driver, options);
  }

  /**
   * Copies the store as it is now to another folder, without the space that is free in its file, while this one is in use. The copy has the
   * same identity: open it instead of the original, as after a backup, and not beside it.
   *
   * @param folder a folder that is not there, or is empty. It is made
   * @throws StoreError `invalid-argument` where the folder holds something, and what keeps it from being written
   */
  async copyTo(folder: string): Promise<void> {
    await this.call('read', [undefined, [], 'copyTo()'], () => {
      if (typeof folder !== 'string' || folder === '') throw invalidArgument('copyTo() needs a folder');
      return async () => this.#engine.copyTo(resolve(folder));
    });
  }
}

/**
 * A store in a folder of this machine, with the semantics of etcd v3: history until compaction, transactions over many keys, leases, watches that
 * miss nothing. Several processes may use one folder at the same time, and see each other's changes. The file is opened with the first call.
 *
 * @throws StoreError `invalid-argument` for options that can't be
 */
export function lmdbStore(options: LmdbStoreOptions): LmdbStore {
  return LmdbStore.create(options);
}
