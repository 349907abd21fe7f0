import type { ConfigStore } from '@holdfast/store';
import { createStore } from '@holdfast/adapter-kit';
import { resolveOptions, type PostgresStoreOptions } from './options.js';
import { PostgresDriver } from './postgres-driver.js';

/**
 * Opens a store in the tables of a schema of a PostgreSQL database, 13 or newer. It connects with the first call, and then creates the tables
 * where they are missing.
 *
 * @throws StoreError `invalid-argument`
 */
export function postgresStore(options: PostgresStoreOptions): ConfigStore {
  const settings = resolveOptions(options);
  const { timeoutMs, bufferBytes, clock, logger } = options;
  return createStore(new PostgresDriver(settings), { timeoutMs, bufferBytes, clock, logger });
}
